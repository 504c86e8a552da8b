import assert from 'node:assert/strict'
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import { systemClock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { systemRandom } from '../runtime/random.ts'
import { createArrivals } from './arrivals.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { type BlockStore, openBlockStore } from './blocks/block-store.ts'
import { exportTo } from './export.ts'
import { createReach } from './reach.ts'
import { blocksOf } from './selection.ts'
import type { Exchange } from './swarm/fetch.ts'
import { rawBlock, type TestBlock } from './testing/blocks.ts'
import { kuboRandomBytes } from './testing/kubo-random.ts'
import { temporaryFolder, temporaryStore } from './testing/temporary.ts'
import { buildFile } from './unixfs/file-builder.ts'

const MB = 1024 * 1024
const blocks = Array.from({ length: 12 }, (_, index) => rawBlock(Buffer.alloc(MB, index)))

/** Puts all of these, and says how many are in. */
function bringing(batch: BlockBatch, which: readonly TestBlock[]) {
  const progress = { count: 0, done: Promise.resolve() }
  progress.done = (async () => {
    for (const { cid, block } of which) {
      await batch.put(cid, block)
      progress.count += 1
    }
  })()
  return progress
}

/** Until `least` are in, however slow the disk is, and nothing moves any more. */
async function quiet(progress: { readonly count: number }, least: number): Promise<number> {
  for (let same = 0, last = -1; same < 200 || progress.count < least; same += 1) {
    if (progress.count !== last) [same, last] = [0, progress.count]
    await turn()
  }
  return progress.count
}

describe('blocks on their way', () => {
  async function opened(context: TestContext) {
    const store = await temporaryStore(context)
    const batch = store.begin()
    context.after(() => batch.discard())
    const arrivals = createArrivals()
    return { arrivals, batch, through: arrivals.through(batch) }
  }

  test('reach a reader that waits for them, and one that comes later', async (context) => {
    const { arrivals, batch, through } = await opened(context)
    const [first, second] = blocks as [TestBlock, TestBlock]
    const waiting = arrivals.get(first.cid)
    await bringing(through, [first, second]).done
    assert.equal(await waiting, first.block)
    assert.equal(await arrivals.get(second.cid), second.block)
    assert.deepEqual([batch.size, through.size], [2, 2])
  })

  test('wait for a reader that is slow, and go on when it takes them', async (context) => {
    const { arrivals, through } = await opened(context)
    const progress = bringing(through, blocks)
    assert.equal(await quiet(progress, 2), 2)
    for (const { cid, block } of blocks) assert.equal(await arrivals.get(cid), block)
    await progress.done
  })

  test('do not wait for a reader that has left', async (context) => {
    const { arrivals, through } = await opened(context)
    const progress = bringing(through, blocks)
    await quiet(progress, 2)
    arrivals.leave()
    await progress.done
    assert.equal(await arrivals.get(blocks[0]!.cid), undefined)
  })

  test('do not wait for a reader that waits for a later one, which then reads the others back', async (context) => {
    const { arrivals, through } = await opened(context)
    const last = blocks.at(-1)!
    const waiting = arrivals.get(last.cid)
    await bringing(through, blocks).done
    assert.equal(await waiting, last.block)
    for (const { cid, block } of blocks) assert.deepEqual(await arrivals.get(cid), block)
  })

  test('are here as long as they are wanted when no more come', async (context) => {
    const { arrivals, through } = await opened(context)
    const [first, second] = blocks as [TestBlock, TestBlock]
    await bringing(through, [first]).done
    const waiting = arrivals.get(second.cid)
    arrivals.end()
    assert.equal(await waiting, undefined)
    assert.equal(await arrivals.get(first.cid), first.block)
  })
})

/** A store that gets a file from an exchange, and what is exported of it. */
async function exporting(
  context: TestContext,
  { bytes = 8 * MB, during = async (_sent: number, _folder: string): Promise<void> => {}, repeats = false } = {},
) {
  const theirs = await temporaryStore(context)
  const building = theirs.begin()
  const data = kuboRandomBytes(bytes, 'arrivals')
  if (repeats) data.copy(data, 0, bytes - 262_144)
  const { cid } = await buildFile([data], 0, building)
  await building.commit([cid])
  const [folder, target] = [await temporaryFolder(context), path.join(await temporaryFolder(context), 'file')]
  const store = await openBlockStore({ folder, logger: silentLogger })
  context.after(() => store.stop())
  const reach = createReach({
    store,
    exchanges: [exchangeOf(theirs, (sent) => during(sent, folder))],
    connected: () => ['peer'],
    clock: systemClock,
    logger: silentLogger,
  })
  context.after(() => reach.stop())
  const start = (signal = new AbortController().signal) =>
    reach.following({ cid, path: [], scope: 'all' }, { signal }, (source, settled) =>
      exportTo(target, cid, source, systemRandom, { settled, signal }),
    )
  return { start, store, cid, data, target }
}

/** Sends what is missing, and calls `during` before each block. */
function exchangeOf(theirs: BlockStore, during: (sent: number) => Promise<void>): Exchange {
  return {
    name: 'test',
    ask: async () => true,
    async download(_peer, selection, batch, { signal }) {
      let sent = 0
      for await (const cid of blocksOf(selection, batch)) {
        signal.throwIfAborted()
        await during(sent)
        const block = await theirs.get(cid)
        if (block !== undefined) await batch.put(cid, block)
        sent += 1
      }
    },
  }
}

const beside = (target: string) => readdir(path.dirname(target))

async function isStored(store: BlockStore, cid: CID): Promise<boolean> {
  for await (const each of blocksOf({ cid, path: [], scope: 'all' }, store)) {
    if ((await store.get(each)) === undefined) return false
  }
  return true
}

describe('an export of what is fetched', () => {
  test('is written while it comes, and there when all of it is stored', async (context) => {
    const written: number[] = []
    const { start, store, cid, data, target } = await exporting(context, {
      async during() {
        const [partial] = await beside(target)
        assert.notEqual(partial, 'file')
        if (partial !== undefined) written.push((await readFile(path.join(path.dirname(target), partial))).length)
      },
    })
    await start()
    assert.ok((written.at(-1) ?? 0) >= MB)
    assert.deepEqual(await readFile(target), data)
    assert.ok(await isStored(store, cid))
  })

  test('is the same where a block occurs twice', async (context) => {
    const { start, data, target } = await exporting(context, { repeats: true })
    await start()
    assert.deepEqual(await readFile(target), data)
  })

  test('leaves nothing behind when the fetch fails', async (context) => {
    const { start, store, target } = await exporting(context, {
      async during(sent) {
        if (sent === 20) throw new BacalhauError('ContentInvalid', 'The peer lies.')
      },
    })
    await assert.rejects(start(), { code: 'ContentNotFound', message: /The peer lies/ })
    assert.deepEqual(await beside(target), [])
    assert.equal(store.usage().blocks, 20)
  })

  test('ends the fetch when it is aborted', async (context) => {
    const controller = new AbortController()
    let last = 0
    const { start, target } = await exporting(context, {
      async during(sent) {
        last = sent
        if (sent === 8) controller.abort(new Error('enough'))
      },
    })
    await assert.rejects(start(controller.signal), /enough/)
    assert.deepEqual(await beside(target), [])
    assert.ok(last < 10)
  })

  test('ends the fetch when it cannot be written', async (context) => {
    let last = 0
    const { start, target } = await exporting(context, {
      async during(sent) {
        last = sent
      },
    })
    await rm(path.dirname(target), { recursive: true })
    await assert.rejects(start(), { code: 'ENOENT' })
    assert.ok(last < 20)
  })

  test('never replaces what is there', async (context) => {
    const { start, target } = await exporting(context)
    await writeFile(target, 'in the way')
    await assert.rejects(start(), { code: 'Conflict' })
    assert.deepEqual(await beside(target), ['file'])
  })

  test('takes nothing unchecked from the disk', async (context) => {
    // The file ends with its first block, which lies in the pack by then, and is damaged there.
    const { start, target, store, cid } = await exporting(context, {
      repeats: true,
      async during(sent, folder) {
        if (sent === 20) await damage(path.join(folder, 'packs', '1.pack'))
      },
    })
    await assert.rejects(start(), { code: 'ContentNotFound' })
    assert.deepEqual(await beside(target), [])
    assert.equal(await isStored(store, cid), false)
  })
})

/** Changes the first block of a file, which comes after the root. */
async function damage(pack: string): Promise<void> {
  const handle = await open(pack, 'r+')
  await handle.write(Buffer.alloc(1_000, 7), 0, 1_000, 10_000)
  await handle.close()
}
