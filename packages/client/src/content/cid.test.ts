import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { isApiError } from '../api-error.ts'
import { type Cid, DAG_PB, inlineData, parseCid, RAW, readCid, verify } from './cid.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const bytes = (most: number) => fc.uint8Array({ maxLength: most })

describe('a CID', () => {
  test('is read in every form in which it is written', () => {
    const codec = fc.constantFrom(DAG_PB, RAW)
    fc.assert(
      fc.property(bytes(100), codec, (block, codec) => {
        const cid = CID.createV1(codec, digest.create(0x12, sha256(block)))
        const forms = [cid.toString(), cid.toString().toUpperCase(), cid.toString(base58btc)]
        if (codec === DAG_PB) forms.push(cid.toV0().toString())
        for (const form of forms) assert.deepEqual([parseCid(form).key, parseCid(form).codec], [cid.toString(), codec])
        const { cid: read, end } = readCid(new Uint8Array([7, ...cid.bytes, 9]), 1)
        assert.deepEqual([read.key, end], [cid.toString(), cid.bytes.length + 1])
      }),
    )
  })

  test('of little data holds it', () => {
    const cid = CID.createV1(RAW, digest.create(0, Uint8Array.of(1, 2)))
    assert.deepEqual(inlineData(parseCid(cid.toString())), Uint8Array.of(1, 2))
    assert.equal(inlineData(parseCid('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')), undefined)
  })

  test('that is none, or of something else, is refused', () => {
    const other = CID.createV1(0x71, digest.create(0x12, sha256(Uint8Array.of())))
    const sha512 = CID.createV1(RAW, digest.create(0x13, new Uint8Array(64)))
    const cut = CID.createV1(RAW, digest.create(0x12, sha256(Uint8Array.of())))
      .toString()
      .slice(0, -3)
    const long = CID.createV1(RAW, digest.create(0, new Uint8Array(129))).toString()
    for (const text of ['', 'b', 'Qm', 'nonsense', 'z', 'Qm0OIl', other.toString(), sha512.toString(), cut, long]) {
      assert.throws(
        () => parseCid(text),
        (error) => isApiError(error, 'InvalidCid', 'ContentInvalid'),
        text,
      )
    }
  })

  test('never makes the reader fail in another way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[bz]\w{0,60}$/)), (text) => {
        try {
          parseCid(text)
        } catch (error) {
          assert.ok(isApiError(error, 'InvalidCid', 'ContentInvalid'))
        }
      }),
    )
    fc.assert(
      fc.property(bytes(50), (noise) => {
        try {
          readCid(noise, 0)
        } catch (error) {
          assert.ok(isApiError(error, 'ContentInvalid'))
        }
      }),
    )
  })

  test('knows its own block from any other', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(100), bytes(100), async (block, other) => {
        const cid: Cid = parseCid(CID.createV1(RAW, digest.create(0x12, sha256(block))).toString())
        await verify(cid, block)
        if (Buffer.compare(block, other) === 0) return
        await assert.rejects(verify(cid, other), { code: 'ContentInvalid' })
      }),
      { numRuns: 50 },
    )
  })
})
