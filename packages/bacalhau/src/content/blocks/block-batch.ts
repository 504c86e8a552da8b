import type { CID } from 'multiformats/cid'
import { DAG_PB, hashOf, inlineData, keyOf, RAW } from '../cid.ts'
import { type BatchEntry, type BatchWriter, createBatchWriter } from './batch-writer.ts'
import { type BlockIndex, diskFull, type NewBlock } from './block-index.ts'
import { type BlockSource, linksOf, NO_HEAD, withHead } from './block-source.ts'
import { USER_PIN } from './index-schema.ts'
import type { Packs } from './packs.ts'

/**
 * Blocks that become part of the store together: all of them at `commit`, none after `discard` or a crash. Reads see the
 * batch's own blocks as well as those of the store. Garbage collection spares every block that a batch was given.
 */
export interface BlockBatch extends BlockSource {
  /** Adds a block whose hash the caller has checked. The memory belongs to the batch from now on. Throws `DiskFull`. */
  put(cid: CID, block: Uint8Array): Promise<void>
  /** Like `put`, for a block that is known to have no links, and for one that is known to have some. */
  putLeaf(cid: CID, block: Uint8Array): Promise<void>
  putBranch(cid: CID, block: Uint8Array): Promise<void>
  /** Keeps garbage collection from taking the stored block `cid` before this batch ends. */
  touch(cid: CID): void
  /** Distinct blocks that the store does not have yet. */
  readonly size: number
  /** Makes everything durable and pins `roots` under `name`, in one step. Throws `DiskFull`; then nothing was kept. */
  commit(roots?: readonly CID[], name?: string): Promise<void>
  /** Ends the batch without a trace. Does nothing after `commit`. */
  discard(): Promise<void>
}

export interface BatchContext {
  readonly index: BlockIndex
  readonly packs: Packs
  readonly stored: BlockSource
  /** Tells garbage collection, if it runs, that a block is in use. */
  spare(hash: Uint8Array): void
  ended(batch: OpenBatch): void
}

/** What garbage collection sees of a batch that is under way. */
export interface OpenBatch {
  hashes(): Iterable<Uint8Array>
}

export function createBatch(context: BatchContext): BlockBatch & OpenBatch {
  const own = new Map<string, BatchEntry>()
  const touched = new Set<string>()
  const writer = createBatchWriter(context.packs)
  let ended = false

  async function put(cid: CID, block: Uint8Array, leaf: boolean): Promise<void> {
    const key = keyOf(cid)
    if (inlineData(cid) !== undefined || own.has(key) || touched.has(key)) return
    if (context.stored.has(cid)) return batch.touch(cid)
    context.spare(cid.multihash.bytes)
    const entry: BatchEntry = { bytes: block.length, leaf, offset: writer.total, block }
    own.set(key, entry)
    await writer.add(entry)
  }

  const batch: BlockBatch & OpenBatch = {
    get size() {
      return own.size
    },
    put: async (cid, block) => put(cid, block, cid.code === DAG_PB && linksOf(cid, block).length === 0),
    putLeaf: (cid, block) => put(cid, block, cid.code === DAG_PB),
    putBranch: (cid, block) => put(cid, block, false),
    touch(cid) {
      touched.add(keyOf(cid))
      context.spare(cid.multihash.bytes)
    },
    ...overlay(own, writer, context.stored),
    *hashes() {
      for (const keys of [own.keys(), touched]) for (const key of keys) yield hashOf(key)
    },
    async commit(roots = [], name = USER_PIN) {
      try {
        const pack = await writer.finish()
        const pins = roots.map((cid) => ({ cid: cid.toString(), name }))
        context.index.commit({ blocks: newBlocks(own, pack?.id), pack, pins })
      } catch (error) {
        await batch.discard()
        throw diskFull(error) ?? error
      }
      ended = true
      context.ended(batch)
    },
    async discard() {
      if (ended) return
      ended = true
      context.ended(batch)
      await writer.discard()
    },
  }
  return batch
}

/** The batch's own blocks over those of the store. */
function overlay(own: ReadonlyMap<string, BatchEntry>, writer: BatchWriter, stored: BlockSource): BlockSource {
  const read = async (entry: BatchEntry) => entry.block ?? writer.read(entry)
  return {
    has: (cid) => own.has(keyOf(cid)) || stored.has(cid),
    async get(cid, headOf) {
      const entry = own.get(keyOf(cid))
      return entry === undefined
        ? stored.get(cid, headOf)
        : withHead(await read(entry), headOf?.(entry.bytes) ?? NO_HEAD)
    },
    async links(cid) {
      const entry = own.get(keyOf(cid))
      if (entry === undefined) return stored.links(cid)
      return entry.leaf || cid.code === RAW ? [] : linksOf(cid, await read(entry))
    },
  }
}

function* newBlocks(entries: Iterable<[key: string, BatchEntry]>, pack: number | undefined): Generator<NewBlock> {
  for (const [key, { bytes, leaf, offset, block }] of entries) {
    const hash = hashOf(key)
    if (pack !== undefined) yield { hash, bytes, leaf, packed: { pack, offset } }
    else if (block !== undefined) yield { hash, bytes, leaf, packed: undefined, data: block }
  }
}
