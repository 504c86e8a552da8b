import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CarReader, CarWriter } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { type CarBlock, encodeCarHeader, encodeCarSection, readCar } from './car.ts'
import { RAW } from './cid.ts'
import { BacalhauError } from '../runtime/error.ts'
import { nodeBlock, rawBlock, type TestBlock } from './testing/blocks.ts'
import { flow, gather, temporaryContent } from './testing/temporary.ts'
import { encodeVarint } from '../network/varint.ts'

const [a, b] = [rawBlock('a'), rawBlock('b'.repeat(1_000))]
const root = nodeBlock(a, b)

const section = ({ cid, block }: TestBlock) => Buffer.concat([encodeCarSection(cid, block.length), block])
const car = (...blocks: TestBlock[]) => Buffer.concat([encodeCarHeader(root.cid), ...blocks.map(section)])
const read = (...chunks: Uint8Array[]): Promise<CarBlock[]> => Array.fromAsync(readCar(flow(...chunks)))
const text = (blocks: readonly CarBlock[]) =>
  blocks.map(({ cid, block }) => `${cid.toString()} ${Buffer.from(block).toString()}`)

describe('a CAR', () => {
  test('is read the same however it is cut', async () => {
    const bytes = car(root, a, b)
    const expected = text([root, a, b])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const ends = [0, ...cuts.toSorted((one, other) => one - other), bytes.length]
        const chunks = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end))
        assert.deepEqual(text(await read(...chunks)), expected)
      }),
    )
  })

  test('of ours can be read by others', async () => {
    const reader = await CarReader.fromBytes(car(root, a, b))
    assert.equal(reader.version, 1)
    assert.deepEqual((await reader.getRoots()).map(String), [root.cid.toString()])
    assert.deepEqual(Buffer.from((await reader.get(b.cid))?.bytes ?? []), Buffer.from(b.block))
  })

  test('of others can be read by us', async () => {
    const { writer, out } = CarWriter.create([root.cid])
    void (async () => {
      for (const { cid, block } of [root, a, b]) await writer.put({ cid, bytes: block })
      await writer.close()
    })()
    assert.deepEqual(text(await Array.fromAsync(readCar(out))), text([root, a, b]))
  })
})

describe('refused', () => {
  const wrong = { cid: a.cid, block: b.block }
  const unknown = { cid: CID.createV1(RAW, digest.create(0x1e, new Uint8Array(32))), block: a.block }
  const header = (value: unknown) => {
    const bytes = dagCbor.encode(value)
    return Buffer.concat([encodeVarint(bytes.length), bytes])
  }
  const huge = Buffer.concat([encodeCarHeader(root.cid), encodeVarint(2 ** 40)])
  for (const [why, bytes, code = 'ContentInvalid'] of [
    ['nothing', Buffer.alloc(0)],
    ['no CBOR', Buffer.concat([encodeVarint(4), Buffer.from('oops')])],
    ['version 2', header({ version: 2 })],
    ['an enormous header', encodeVarint(2 ** 40)],
    ['a header cut off', encodeCarHeader(root.cid).subarray(0, 10)],
    ['a wrong hash', car(root, wrong)],
    ['an unknown hash function', car(unknown)],
    ['an enormous block', huge, 'ContentTooLarge'],
    ['a length without end', Buffer.concat([encodeCarHeader(root.cid), Buffer.alloc(20, 0xff)])],
    ['a block cut off', car(root, b).subarray(0, -1)],
    ['a length cut off', Buffer.concat([car(root), Buffer.from([0x80])])],
    ['a section that is too short for a CID', Buffer.concat([car(), encodeVarint(2), Buffer.from([1, 0x55])])],
    ['an empty section', Buffer.concat([car(), encodeVarint(0)])],
  ] as const) {
    test(why, async () => {
      await assert.rejects(read(bytes), { code })
    })
  }

  test('or read: any bytes, without another failure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.boolean(), async (bytes, withHeader) => {
        try {
          await read(...(withHeader ? [encodeCarHeader(root.cid)] : []), bytes)
        } catch (error) {
          assert.ok(error instanceof BacalhauError, String(error))
        }
      }),
    )
  })

  test('lets go of its source', async () => {
    let left = false
    async function* source() {
      try {
        yield car(wrong)
        yield car()
      } finally {
        left = true
      }
    }
    await assert.rejects(Array.fromAsync(readCar(source())))
    assert.ok(left)
  })
})

describe('importing', () => {
  const ref = { cid: root.cid, path: [] }

  test('takes a tree whatever the order, and pins it', async (context) => {
    const content = await temporaryContent(context)
    await content.importCar(flow(car(b, a, root)), root.cid)
    assert.ok(await content.has(ref))
    assert.deepEqual(content.pins(), [root.cid.toString()])
  })

  test('takes what it exported', async (context) => {
    const [from, to] = [await temporaryContent(context), await temporaryContent(context)]
    const { cid } = await from.add(flow(Buffer.alloc(3_000_000, 'many blocks ')), { wrap: 'file' })
    await to.importCar(from.car({ cid, path: [] }), cid)
    const read = gather(to.cat({ cid, path: ['file'] }))
    assert.equal(Buffer.compare(await read, Buffer.alloc(3_000_000, 'many blocks ')), 0)
  })

  test('may leave out what is there already', async (context) => {
    const content = await temporaryContent(context)
    await content.add(flow(a.block), { cidVersion: 1 })
    await content.importCar(flow(car(root, b)), root.cid)
    assert.ok(await content.has(ref))
  })

  for (const [why, bytes, code = 'ContentInvalid'] of [
    ['a block that is missing', car(root, a)],
    ['no root', car(a, b)],
    ['a block that does not belong', car(root, a, b, rawBlock('stranger'))],
    ['a wrong hash', car(root, a, { cid: b.cid, block: a.block })],
    ['its end cut off', car(root, a, b).subarray(0, -5)],
    ['more bytes than allowed', car(root, a, b, ...Array.from({ length: 9 }, () => b)), 'ContentTooLarge'],
  ] as const) {
    test(`refuses ${why}, and keeps nothing`, async (context) => {
      const content = await temporaryContent(context)
      const importing = content.importCar(flow(bytes), root.cid, { maxBytes: 5_000 })
      await assert.rejects(importing, { code })
      assert.deepEqual([content.usage().blocks, content.pins()], [0, []])
    })
  }
})
