import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { silentLogger } from '../../runtime/logger.ts'
import { isComplete } from '../selection.ts'
import { nodeBlock, putAll, rawBlock, storeAll, type TestBlock } from '../testing/blocks.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { temporaryFolder, temporaryStore } from '../testing/temporary.ts'
import { type BlockStore, openBlockStore } from './block-store.ts'

const leaf = (name: string) => rawBlock(name.repeat(100))
const [a, b, c] = [leaf('a'), leaf('b'), leaf('c')]
const ab = nodeBlock(a, b)
const bc = nodeBlock(b, c)

const have = (store: BlockStore, ...blocks: TestBlock[]) => blocks.map(({ cid }) => store.has(cid))
const complete = (store: BlockStore, { cid }: TestBlock) => isComplete({ cid, path: [], scope: 'all' }, store)

describe('garbage collection', () => {
  test('keeps what a pin reaches and nothing else', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a, b, c, ab, bc], ab)
    const freed = await store.collect()
    assert.deepEqual(have(store, ab, a, b), [true, true, true])
    assert.deepEqual(have(store, bc, c), [false, false])
    assert.deepEqual(freed, { blocks: 2, bytes: bc.block.length + c.block.length })
  })

  test('takes what was unpinned, but not what another pin shares', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a, b, c, ab, bc], ab, bc)
    assert.ok(store.unpin(ab.cid, 'user'))
    assert.ok(!store.unpin(ab.cid, 'user'))
    await store.collect()
    assert.deepEqual(have(store, ab, a, b, c, bc), [false, false, true, true, true])
  })

  test('keeps what is held until it is released', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a, b, ab])
    const [first, second] = [await store.hold(ab.cid), await store.hold(ab.cid)]
    first()
    first()
    await store.collect()
    assert.deepEqual(have(store, ab, a, b), [true, true, true])
    second()
    await store.collect()
    assert.deepEqual(have(store, ab, a, b), [false, false, false])
  })

  test('keeps what an open batch was given, whether new or stored before', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a])
    const batch = store.begin()
    await putAll(batch, [a, b])
    await store.collect()
    await putAll(batch, [ab])
    await batch.commit([ab.cid])
    assert.ok(await complete(store, ab))
  })

  test('walks below a block that a batch has marked, too', async (context) => {
    const store = await temporaryStore(context)
    const root = nodeBlock(ab)
    await storeAll(store, [a, b, ab, root], root)
    const batch = store.begin()
    batch.touch(ab.cid)
    await store.collect()
    await batch.discard()
    assert.ok(await complete(store, root))
  })

  test('calls at the same time share one run', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a, b])
    const [first, second] = await Promise.all([store.collect(), store.collect()])
    assert.equal(first, second)
    assert.equal(first.blocks, 2)
  })

  test('can be aborted, and run again', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [a, b])
    await assert.rejects(store.collect(AbortSignal.abort(new Error('not now'))), /not now/)
    assert.equal((await store.collect()).blocks, 2)
  })

  test('loses nothing that is added, pinned or held meanwhile', async (context) => {
    const leaves = Array.from({ length: 6 }, (_, index) => leaf(String(index)))
    const step = fc.record({ tree: fc.subarray(leaves, { minLength: 1 }), turns: fc.nat(6), pin: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const store = await temporaryStore(context)
        await storeAll(store, leaves)
        const collecting = store.collect()
        const kept = steps.map(async ({ tree, turns, pin }) => {
          const root = nodeBlock(...tree)
          const batch = store.begin()
          for (const block of [...tree, root]) {
            await putAll(batch, [block])
            for (let index = 0; index < turns; index += 1) await turn()
          }
          if (!pin) await store.hold(root.cid)
          await batch.commit(pin ? [root.cid] : [])
          return root
        })
        const roots = await Promise.all(kept)
        await collecting
        await store.collect()
        for (const root of roots) assert.ok(await complete(store, root))
        await store.stop()
      }),
      { numRuns: 20 },
    )
  })
})

describe('packs', () => {
  const large = (name: string) => rawBlock(kuboRandomBytes(200_000, name))
  const [one, two, three, four] = [large('1'), large('2'), large('3'), large('4')]

  async function sizes(folder: string): Promise<number[]> {
    const packs = path.join(folder, 'packs')
    return Promise.all((await readdir(packs)).map(async (name) => (await stat(path.join(packs, name))).size))
  }

  test('that nothing uses are removed', async (context) => {
    const folder = await temporaryFolder(context)
    const store = await openBlockStore({ folder, logger: silentLogger })
    context.after(() => store.stop())
    await storeAll(store, [one, two])
    await storeAll(store, [three, four], three, four)
    await store.collect()
    assert.deepEqual(await sizes(folder), [400_000])
  })

  test('that are mostly unused are rewritten, and their blocks stay readable', async (context) => {
    const folder = await temporaryFolder(context)
    const store = await openBlockStore({ folder, logger: silentLogger })
    await storeAll(store, [one, two, three, four], three)
    await store.collect()
    assert.deepEqual(await sizes(folder), [200_000])
    assert.deepEqual(Buffer.from((await store.get(three.cid)) ?? []), Buffer.from(three.block))
    await store.stop()
    const again = await openBlockStore({ folder, logger: silentLogger })
    context.after(() => again.stop())
    assert.deepEqual(Buffer.from((await again.get(three.cid)) ?? []), Buffer.from(three.block))
    again.unpin(three.cid, 'user')
    await again.collect()
    assert.deepEqual(await sizes(folder), [])
  })

  test('that are mostly used stay as they are', async (context) => {
    const folder = await temporaryFolder(context)
    const store = await openBlockStore({ folder, logger: silentLogger })
    context.after(() => store.stop())
    await storeAll(store, [one, two, three], one, two)
    await store.collect()
    assert.deepEqual(await sizes(folder), [600_000])
  })

  test('may be rewritten while they are read', async (context) => {
    const store = await temporaryStore(context)
    await storeAll(store, [one, two, three, four], three)
    const reading = (async () => {
      for (let index = 0; index < 50; index += 1) {
        assert.equal(Buffer.compare((await store.get(three.cid)) ?? Buffer.of(), three.block), 0)
      }
    })()
    await store.collect()
    await reading
  })
})
