import { setImmediate as turn } from 'node:timers/promises'
import { CID } from 'multiformats/cid'
import type { OpenBatch } from './block-batch.ts'
import type { BlockIndex } from './block-index.ts'
import type { BlockSource } from './block-source.ts'
import type { Packs } from './packs.ts'

export interface Collected {
  readonly blocks: number
  readonly bytes: number
}

export interface Collection {
  /** Marks a block that an open batch needs. */
  spare(hash: Uint8Array): void
  /** Takes up a root that is held from now on: marks it too while marking goes on, else waits for the end. */
  holding(cid: CID): Promise<void>
  readonly done: Promise<Collected>
}

export interface CollectionContext {
  readonly index: BlockIndex
  readonly packs: Packs
  readonly stored: BlockSource
  readonly roots: readonly string[]
  readonly open: Iterable<OpenBatch>
  readonly signal: AbortSignal
}

/** Blocks that one step marks or looks at; between steps other work gets its turn. */
const MARK_STEP = 500
const SWEEP_STEP = 2_000
/** A pack is rewritten once less than this part of it is in use. */
const WORTH_KEEPING = 0.5

/**
 * Mark and sweep. Marks are made for everything below the roots and for all that open batches hold or are given meanwhile;
 * then unmarked blocks go, and packs that hold mostly dead bytes are rewritten.
 */
export function collectGarbage(context: CollectionContext): Collection {
  const { index, stored, signal } = context
  const roots = context.roots.map((root) => CID.parse(root))
  let marking = true
  index.clearMarks()
  for (const batch of context.open) for (const hash of batch.hashes()) index.mark(hash)

  async function run(): Promise<Collected> {
    for (let root = roots.pop(); root !== undefined; root = roots.pop()) await markBelow(root, index, stored, signal)
    marking = false
    const swept = await sweep(index, signal)
    await repack(context)
    index.clearMarks()
    return swept
  }

  const done = run()
  return {
    spare: (hash) => index.mark(hash),
    async holding(cid) {
      if (marking) roots.push(cid)
      else await done.catch(() => {})
    },
    done,
  }
}

/** Marks `root` and all below it that is here. */
async function markBelow(root: CID, index: BlockIndex, stored: BlockSource, signal: AbortSignal): Promise<void> {
  const waiting = [root]
  let marked = 0
  for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
    signal.throwIfAborted()
    if (!index.markWalked(cid.multihash.bytes)) continue
    marked += 1
    if (marked % MARK_STEP === 0) await turn()
    waiting.push(...((await stored.links(cid)) ?? []))
  }
}

async function sweep(index: BlockIndex, signal: AbortSignal): Promise<Collected> {
  const total = { blocks: 0, bytes: 0 }
  for (let after = 0; ;) {
    signal.throwIfAborted()
    const { last, blocks, bytes } = index.sweep(after, SWEEP_STEP)
    total.blocks += blocks
    total.bytes += bytes
    if (last === undefined) return total
    after = last
    await turn()
  }
}

async function repack({ index, packs, signal }: CollectionContext): Promise<void> {
  for (const { id, bytes, live } of index.packs()) {
    signal.throwIfAborted()
    if (live >= bytes * WORTH_KEEPING) continue
    if (live === 0) index.removePack(id)
    else await rewrite(id, index, packs)
    await packs.remove(id)
  }
}

/** Copies what is in use of a pack into a new one. */
async function rewrite(id: number, index: BlockIndex, packs: Packs): Promise<void> {
  const writer = await packs.create()
  try {
    const moved: { hash: Uint8Array; bytes: number; offset: number }[] = []
    let total = 0
    for (const { hash, bytes, offset } of index.blocksIn(id)) {
      const block = await packs.read(id, offset, bytes)
      if (block === undefined) continue
      await writer.append([block])
      moved.push({ hash, bytes, offset: total })
      total += block.length
    }
    await writer.finish()
    index.replacePack(id, { id: writer.id, bytes: total }, moved)
  } catch (error) {
    await writer.discard()
    throw error
  }
}
