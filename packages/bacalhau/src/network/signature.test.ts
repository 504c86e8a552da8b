import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { generateKeyPair, privateKeyFromProtobuf, publicKeyToProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { fixtureKey } from './fixtures/keys.ts'
import { keyProtobuf, parseNodeKey } from './identity.ts'
import { createSigner, isQuickToCheck, parsePublicKey } from './signature.ts'

const message = Buffer.from('a message')

describe('signatures', () => {
  for (const kind of ['RSA', 'Ed25519'] as const) {
    test(`of ${kind} keys are those of libp2p`, async () => {
      const bytes = kind === 'RSA' ? fixtureKey(0).bytes : privateKeyToProtobuf(await generateKeyPair('Ed25519'))
      const libp2p = privateKeyFromProtobuf(bytes)
      const signer = createSigner(parseNodeKey(bytes))
      assert.deepEqual(Buffer.from(signer.publicKey), Buffer.from(publicKeyToProtobuf(libp2p.publicKey)))
      assert.ok(await libp2p.publicKey.verify(message, signer.sign(message)))
      const key = parsePublicKey(signer.publicKey)
      assert.equal(key.peerId, peerIdFromPrivateKey(libp2p).toString())
      assert.ok(key.verifies(message, await libp2p.sign(message)))
      assert.ok(!key.verifies(Buffer.from('another one'), signer.sign(message)))
      assert.ok(!key.verifies(message, new Uint8Array(64)))
    })
  }

  test('with keys of other kinds are not taken', async () => {
    const other = publicKeyToProtobuf((await generateKeyPair('secp256k1')).publicKey)
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })
    const large = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    for (const protobuf of [
      other,
      keyProtobuf(0, curve),
      keyProtobuf(0, large),
      keyProtobuf(1, new Uint8Array(31)),
      new Uint8Array(),
    ]) {
      assert.throws(() => parsePublicKey(protobuf))
    }
  })

  test('of which checking one would take long are not taken', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n = '' } = publicKey.export({ format: 'jwk' })
    const withExponent = (e: Buffer) => {
      const key = createPublicKey({ key: { kty: 'RSA', n, e: e.toString('base64url') }, format: 'jwk' })
      return keyProtobuf(0, key.export({ type: 'spki', format: 'der' }))
    }
    parsePublicKey(withExponent(Buffer.from([1, 0, 1])))
    const slow = withExponent(Buffer.alloc(255, 0xff))
    assert.throws(() => parsePublicKey(slow), /no usual RSA key/)
    // Nor in another spelling, which others might read.
    const [head, data] = [slow.subarray(0, 2), slow.subarray(2)]
    for (const key of [slow, Buffer.concat([data, head]), Buffer.concat([slow, slow]), Buffer.concat([head, slow])]) {
      assert.equal(isQuickToCheck(key), false)
    }
    assert.ok(isQuickToCheck(withExponent(Buffer.from([1, 0, 1]))))
  })

  test('of other kinds are as quick as usual', async () => {
    for (const kind of ['Ed25519', 'secp256k1', 'ECDSA'] as const) {
      assert.ok(isQuickToCheck(publicKeyToProtobuf((await generateKeyPair(kind)).publicKey)))
    }
  })
})
