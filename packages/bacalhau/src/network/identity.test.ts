import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
import { base58 } from './base58.ts'
import { FIXTURE_KEYS, fixtureKey } from './fixtures/keys.ts'
import { generateNodeKey, parseNodeKey } from './identity.ts'
import { clientIdOf } from './user-key.ts'

const libp2pPeerId = (bytes: Uint8Array) => peerIdFromPrivateKey(privateKeyFromProtobuf(bytes)).toString()

describe('base58', () => {
  test('agrees with multiformats on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(4), (bytes, zeros) => {
        const padded = Uint8Array.of(...new Uint8Array(zeros), ...bytes)
        assert.equal(base58(padded), base58btc.baseEncode(padded))
      }),
    )
  })
})

describe('node key', () => {
  test('gives the peer ID that libp2p gives, for RSA', () => {
    for (const key of FIXTURE_KEYS) {
      assert.equal(parseNodeKey(key.bytes).peerId, key.peerId)
      assert.equal(libp2pPeerId(key.bytes), key.peerId)
    }
  })

  test('gives the peer ID that libp2p gives, for Ed25519', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
        const bytes = privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', seed))
        assert.equal(parseNodeKey(bytes).peerId, libp2pPeerId(bytes))
      }),
      { numRuns: 30 },
    )
  })

  test('is made as the Go program makes it', async () => {
    const { bytes, peerId } = await generateNodeKey()
    assert.match(peerId, /^Qm[1-9A-HJ-NP-Za-km-z]{44}$/)
    assert.equal(libp2pPeerId(bytes), peerId)
    assert.deepEqual([...bytes.subarray(0, 3)], [0x08, 0x00, 0x12])
    const key = createPrivateKey({ key: Buffer.from(bytes.subarray(5)), format: 'der', type: 'pkcs1' })
    assert.deepEqual(key.asymmetricKeyDetails, { modulusLength: 2048, publicExponent: 65537n })
    assert.deepEqual(Buffer.from(bytes), Buffer.from(privateKeyToProtobuf(privateKeyFromProtobuf(bytes))))
  })

  test('cut off anywhere is refused', () => {
    const { bytes } = fixtureKey(0)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        assert.throws(() => parseNodeKey(bytes.subarray(0, length)), { code: 'KeyFileInvalid' })
      }),
    )
    assert.throws(() => parseNodeKey(bytes.subarray(0, 700), 'The key file x'), {
      message: /^The key file x is truncated: 695 of \d+ bytes/,
    })
  })

  test('with bytes after it is refused', () => {
    assert.throws(() => parseNodeKey(Buffer.concat([fixtureKey(0).bytes, Buffer.of(0)])), /1 bytes too many/)
  })

  test('with a changed byte is refused or still has the same peer ID', () => {
    const { bytes, peerId } = fixtureKey(0)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        try {
          assert.equal(parseNodeKey(changed).peerId, peerId)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'KeyFileInvalid', String(error))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('with another public half is refused, for Ed25519', async () => {
    const bytes = privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
    const other = privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(1)))
    const mixed = Buffer.concat([bytes.subarray(0, 36), other.subarray(36)])
    assert.throws(() => parseNodeKey(mixed), { code: 'KeyFileInvalid' })
    assert.throws(() => parseNodeKey(Uint8Array.of(8, 1, 0x12, 3, 1, 2, 3)), /3 bytes, not 64/)
  })

  test('of another type or size is refused by name', () => {
    assert.throws(() => parseNodeKey(Uint8Array.of(8, 2, 0x12, 1, 0)), /type secp256k1; an RSA or Ed25519/)
    assert.throws(() => parseNodeKey(Uint8Array.of(8, 9, 0x12, 1, 0)), /type unknown \(number 9\)/)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const der = privateKey.export({ type: 'pkcs1', format: 'der' })
    const bytes = Buffer.concat([Buffer.of(8, 0, 0x12, (der.length & 0x7f) | 0x80, der.length >> 7), der])
    assert.throws(() => parseNodeKey(bytes), /1024 bits/)
  })

  test('any bytes are refused with the same code', () => {
    const start = fc.constantFrom([], [8, 0, 0x12], [8, 1, 0x12, 64], [8, 0, 0x12, 0xff, 0xff])
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 80 }), (head, tail) => {
        assert.throws(() => parseNodeKey(Uint8Array.of(...head, ...tail)), { code: 'KeyFileInvalid' })
      }),
    )
  })
})

describe('client ID', () => {
  test('is the hash of the modulus', () => {
    // From `openssl rsa -modulus`, hashed by sha256sum.
    const key = createPrivateKey({ key: Buffer.from(fixtureKey(0).bytes.subarray(5)), format: 'der', type: 'pkcs1' })
    assert.equal(clientIdOf(key), CLIENT_ID)
  })
})

const CLIENT_ID = 'c1706a0bce4f88f47aa4b34ae0175e33756d88981e58d064676129f2a4bdf0ef'
