import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import {
  cidFromPrefix,
  cidOf,
  DAG_PB,
  formatContentRef,
  inlineData,
  keyOf,
  matches,
  parseCid,
  parseContentRef,
  prefixOf,
  RAW,
} from './cid.ts'

const V0 = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
const V1 = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'

describe('references', () => {
  for (const [text, cid, path] of [
    [V0, V0, []],
    [`${V1}/a/b`, V1, ['a', 'b']],
    [`/ipfs/${V0}/a`, V0, ['a']],
    [`ipfs://${V1}//a/`, V1, ['a']],
  ] as const) {
    test(text, () => {
      const ref = parseContentRef(text)
      assert.deepEqual([ref.cid.toString(), ref.path], [cid, path])
    })
  }

  test('survive being written and read', () => {
    const name = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((text) => !/[/\0]/.test(text))
    fc.assert(
      fc.property(fc.array(name.filter((text) => text !== '.' && text !== '..')), (path) => {
        const ref = { cid: CID.parse(V1), path }
        assert.deepEqual(parseContentRef(formatContentRef(ref)).path, path)
      }),
    )
  })

  for (const text of [`${V0}/../x`, `${V0}/./x`, `${V0}/a\0b`, `${V0}/${'x'.repeat(9_000)}`]) {
    test(`refused: ${JSON.stringify(text.slice(0, 80))}`, () => {
      assert.throws(() => parseContentRef(text), { code: 'BadRequest' })
    })
  }
})

describe('CIDs', () => {
  const sha = digest.create(0x12, new Uint8Array(32))
  const named = (codec: number, multihash: Parameters<typeof CID.createV1>[1]) =>
    CID.createV1(codec, multihash).toString()
  for (const [why, text] of [
    ['empty', ''],
    ['not a CID', 'hello'],
    ['a letter too few', V0.slice(0, -1)],
    ['dag-cbor', named(0x71, sha)],
    ['SHA-1', named(RAW, digest.create(0x11, new Uint8Array(20)))],
    ['a shortened hash', named(RAW, digest.create(0x12, new Uint8Array(20)))],
    ['a long identity', named(RAW, digest.create(0x00, new Uint8Array(129)))],
  ]) {
    test(`refused: ${why}`, () => {
      assert.throws(() => parseCid(text ?? ''), { code: 'InvalidCid' })
    })
  }

  test('match their bytes and no others', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (block, other) => {
        const cid = cidOf(1, RAW, block)
        assert.ok(matches(cid, block))
        assert.equal(matches(cid, other), Buffer.compare(block, other) === 0)
      }),
    )
  })

  test('of sha2-512 match too', () => {
    const cid = parseCid(CID.createV1(RAW, digest.create(0x13, sha512OfNothing())).toString())
    assert.ok(matches(cid, new Uint8Array()))
    assert.ok(!matches(cid, Uint8Array.of(1)))
  })

  test('may carry their data themselves', () => {
    const cid = CID.createV1(RAW, digest.create(0x00, Buffer.from('tiny')))
    assert.equal(Buffer.from(inlineData(parseCid(cid.toString())) ?? []).toString(), 'tiny')
    assert.equal(inlineData(CID.parse(V0)), undefined)
  })

  test('of both versions have the same key', () => {
    const block = Buffer.from('block')
    assert.equal(keyOf(cidOf(0, DAG_PB, block)), keyOf(cidOf(1, RAW, block)))
  })
})

describe('prefixes', () => {
  for (const cid of [
    cidOf(0, DAG_PB, Buffer.from('x')),
    cidOf(1, DAG_PB, Buffer.from('x')),
    cidOf(1, RAW, Buffer.from('x')),
  ]) {
    test(`with its block gives ${cid.toString()} back`, () => {
      assert.equal(cidFromPrefix(prefixOf(cid), Buffer.from('x'))?.toString(), cid.toString())
    })
  }

  test('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array(), (prefix, block) => {
        const cid = cidFromPrefix(prefix, block)
        assert.ok(cid === undefined || matches(cid, block))
      }),
    )
  })
})

function sha512OfNothing(): Uint8Array {
  const hex =
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e'
  return Buffer.from(hex, 'hex')
}
