import assert from 'node:assert/strict'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { silentLogger } from '../../runtime/logger.ts'
import { nodeBlock, putAll, rawBlock, storeAll, type TestBlock } from '../testing/blocks.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { temporaryFolder, temporaryStore } from '../testing/temporary.ts'
import { type BlockStore, openBlockStore } from './block-store.ts'
import type { OpenFile } from './packs.ts'

const small = rawBlock('small')
/** Together more than a batch keeps in the index. */
const large = Array.from({ length: 10 }, (_, index) => rawBlock(kuboRandomBytes(100_000, `large ${index}`)))

const present = (store: Pick<BlockStore, 'has'>, blocks: readonly TestBlock[]) =>
  blocks.map(({ cid }) => store.has(cid))
const all = (value: boolean) => (values: readonly boolean[]) => values.every((one) => one === value)

async function openAt(context: TestContext, folder: string, openFile?: OpenFile): Promise<BlockStore> {
  const store = await openBlockStore({ folder, logger: silentLogger, ...(openFile === undefined ? {} : { openFile }) })
  context.after(() => store.stop())
  return store
}

const packsIn = (folder: string) => readdir(path.join(folder, 'packs'))

for (const [kind, blocks] of [
  ['small', [small, nodeBlock(small)]],
  ['large', large],
] as const) {
  describe(`a batch of ${kind} blocks`, () => {
    test('is there after it was committed, also in another process', async (context) => {
      const folder = await temporaryFolder(context)
      const first = await openBlockStore({ folder, logger: silentLogger })
      await storeAll(first, blocks)
      await first.stop()
      const second = await openAt(context, folder)
      for (const { cid, block } of blocks)
        assert.deepEqual(Buffer.from((await second.get(cid)) ?? []), Buffer.from(block))
    })

    test('is not there before, but can be read within', async (context) => {
      const store = await temporaryStore(context)
      const batch = store.begin()
      await putAll(batch, blocks)
      assert.ok(all(false)(present(store, blocks)))
      assert.ok(all(true)(present(batch, blocks)))
      for (const { cid, block } of blocks)
        assert.deepEqual(Buffer.from((await batch.get(cid)) ?? []), Buffer.from(block))
      await batch.discard()
    })

    test('leaves nothing when it is discarded', async (context) => {
      const folder = await temporaryFolder(context)
      const store = await openAt(context, folder)
      const batch = store.begin()
      await putAll(batch, blocks)
      await batch.discard()
      assert.deepEqual(store.usage(), { blocks: 0, bytes: 0 })
      assert.deepEqual(await packsIn(folder), [])
    })

    test('leaves nothing when the process ends in the middle', async (context) => {
      const folder = await temporaryFolder(context)
      const first = await openBlockStore({ folder, logger: silentLogger })
      await putAll(first.begin(), blocks)
      await first.stop()
      const second = await openAt(context, folder)
      assert.deepEqual(second.usage(), { blocks: 0, bytes: 0 })
      assert.deepEqual(await packsIn(folder), [])
    })
  })
}

test('a batch may be filled from several sides at the same time', async (context) => {
  const folder = await temporaryFolder(context)
  const store = await openAt(context, folder)
  const batch = store.begin()
  const blocks = Array.from({ length: 60 }, (_, index) => rawBlock(kuboRandomBytes(150_000 + index, `side ${index}`)))
  await Promise.all(blocks.map((block) => putAll(batch, [block])))
  for (const { cid, block } of blocks) assert.equal(Buffer.compare((await batch.get(cid)) ?? Buffer.of(), block), 0)
  await batch.commit()
  for (const { cid, block } of blocks) assert.equal(Buffer.compare((await store.get(cid)) ?? Buffer.of(), block), 0)
  assert.equal((await packsIn(folder)).length, 1)
})

test('blocks that are there already are not stored again', async (context) => {
  const store = await temporaryStore(context)
  await storeAll(store, large)
  const { bytes } = store.usage()
  const batch = store.begin()
  await putAll(batch, [...large, small, small])
  assert.equal(batch.size, 1)
  await batch.commit()
  assert.deepEqual(store.usage(), { blocks: large.length + 1, bytes: bytes + small.block.length })
})

test('a block is known under every CID of its hash', async (context) => {
  const store = await temporaryStore(context)
  const node = nodeBlock(small)
  await storeAll(store, [node, small])
  assert.ok(store.has(node.cid.toV0()))
  assert.deepEqual((await store.links(node.cid.toV0()))?.map(String), [small.cid.toString()])
})

test('links of blocks that are not here are not known', async (context) => {
  const store = await temporaryStore(context)
  await storeAll(store, [nodeBlock(small)])
  assert.equal(await store.links(small.cid), undefined)
  assert.deepEqual((await store.links(nodeBlock(small).cid))?.map(String), [small.cid.toString()])
})

test('what is not dag-pb is not taken for it', async (context) => {
  const store = await temporaryStore(context)
  const batch = store.begin()
  const { cid } = nodeBlock()
  await assert.rejects(batch.put(cid, Buffer.from('nonsense')), { code: 'ContentInvalid' })
  await batch.discard()
})

describe('damage', () => {
  test('of a block makes it missing, so that it can be added anew', async (context) => {
    const folder = await temporaryFolder(context)
    const store = await openAt(context, folder)
    await storeAll(store, large)
    const file = path.join(folder, 'packs', (await packsIn(folder))[0]!)
    const bytes = await readFile(file)
    bytes[150_000] = bytes[150_000]! ^ 1
    await writeFile(file, bytes)
    const [sound, damaged] = large as [TestBlock, TestBlock]
    assert.equal(await store.get(damaged.cid), undefined)
    assert.ok(!store.has(damaged.cid))
    assert.deepEqual(Buffer.from((await store.get(sound.cid)) ?? []), Buffer.from(sound.block))
    await storeAll(store, [damaged])
    assert.deepEqual(Buffer.from((await store.get(damaged.cid)) ?? []), Buffer.from(damaged.block))
  })

  test('of a whole pack makes its blocks missing', async (context) => {
    const folder = await temporaryFolder(context)
    const store = await openAt(context, folder)
    await storeAll(store, large)
    await writeFile(path.join(folder, 'packs', (await packsIn(folder))[0]!), '')
    assert.equal(await store.get(large[0]!.cid), undefined)
  })

  test('of the index is told', async (context) => {
    const folder = await temporaryFolder(context)
    await writeFile(path.join(folder, 'blocks.db'), 'this is no database, whatever it is called'.repeat(100))
    await assert.rejects(openBlockStore({ folder, logger: silentLogger }), { code: 'StoreCorrupt' })
  })
})

test('files of unknown origin among the packs are removed at the start', async (context) => {
  const folder = await temporaryFolder(context)
  const first = await openBlockStore({ folder, logger: silentLogger })
  await storeAll(first, large)
  await first.stop()
  await writeFile(path.join(folder, 'packs', '77.pack'), 'left over')
  await openAt(context, folder)
  assert.deepEqual(await packsIn(folder), ['1.pack'])
})

test('a folder belongs to one process at a time', async (context) => {
  const folder = await temporaryFolder(context)
  await openAt(context, folder)
  await assert.rejects(openBlockStore({ folder, logger: silentLogger }), { code: 'DataDirUnusable' })
})

test('many packs can be read at the same time', async (context) => {
  const store = await temporaryStore(context)
  const batches = Array.from({ length: 50 }, (_, index) =>
    [0, 1, 2].map((part) => rawBlock(kuboRandomBytes(100_000, `${index} ${part}`))),
  )
  for (const blocks of batches) await storeAll(store, blocks)
  const reads = batches
    .flat()
    .map(async ({ cid, block }) => Buffer.compare((await store.get(cid)) ?? Buffer.of(), block))
  assert.deepEqual(new Set(await Promise.all(reads)), new Set([0]))
})

describe('a full disk', () => {
  const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })

  /** Files of which one operation fails as on a full disk. */
  const failing =
    (operation: 'writev' | 'datasync'): OpenFile =>
    async (...parameters) => {
      const handle = await open(...parameters)
      handle[operation] = () => Promise.reject(noSpace())
      return handle
    }

  for (const operation of ['writev', 'datasync'] as const) {
    test(`at ${operation} leaves nothing behind`, async (context) => {
      const folder = await temporaryFolder(context)
      const store = await openAt(context, folder, failing(operation))
      const batch = store.begin()
      const write = async () => {
        await putAll(batch, large)
        await batch.commit()
      }
      await assert.rejects(write(), { code: 'DiskFull' })
      await batch.discard()
      assert.deepEqual(store.usage(), { blocks: 0, bytes: 0 })
      assert.deepEqual(await packsIn(folder), [])
    })
  }

  test('stops a long batch early', async (context) => {
    const store = await openAt(context, await temporaryFolder(context), failing('writev'))
    const batch = store.begin()
    const blocks = Array.from({ length: 100 }, (_, index) => rawBlock(Buffer.alloc(1_000_000, index)))
    await assert.rejects(putAll(batch, blocks), { code: 'DiskFull' })
    await batch.discard()
  })

  test('does not keep other batches from being committed', async (context) => {
    const store = await openAt(context, await temporaryFolder(context), failing('writev'))
    const batch = store.begin()
    await putAll(batch, large)
    await assert.rejects(batch.commit(), { code: 'DiskFull' })
    await storeAll(store, [small])
    assert.ok(store.has(small.cid))
  })
})
