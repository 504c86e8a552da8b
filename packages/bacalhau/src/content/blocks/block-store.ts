import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { CID } from 'multiformats/cid'
import type { Logger } from '../../runtime/logger.ts'
import { type BlockBatch, createBatch, type OpenBatch } from './block-batch.ts'
import { type BlockIndex, openBlockIndex } from './block-index.ts'
import type { BlockSource } from './block-source.ts'
import { type Collected, type Collection, collectGarbage } from './garbage.ts'
import { type OpenFile, openPacks } from './packs.ts'
import { storedBlocks } from './stored-blocks.ts'

/** Blocks on disk. One process at a time may have a folder open. */
export interface BlockStore extends BlockSource {
  begin(): BlockBatch
  /** What is pinned under `name`. */
  pins(name: string): string[]
  /** Names of pins that begin so. */
  pinNames(prefix: string): string[]
  /** Under this name, or, without one, under any. */
  isPinned(cid: CID, name?: string): boolean
  unpin(cid: CID, name: string): boolean
  /** Removes every pin of this name; says how many there were. */
  unpinAll(name: string): number
  /**
   * Keeps all blocks below `cid` from garbage collection until the returned function is called. Resolves once they are
   * safe.
   */
  hold(cid: CID): Promise<() => void>
  /** Deletes every block that no pin, hold or open batch needs. Concurrent calls share one run. */
  collect(signal?: AbortSignal): Promise<Collected>
  usage(): { readonly blocks: number; readonly bytes: number }
  /** Bytes on the disk. Costs next to nothing. */
  footprint(): number
  stop(): Promise<void>
}

export interface BlockStoreOptions {
  readonly folder: string
  readonly logger: Logger
  readonly openFile?: OpenFile
}

/** Opens the store in `folder`, which is made if need be, and clears away what a crash left there. */
export async function openBlockStore({ folder, logger, openFile }: BlockStoreOptions): Promise<BlockStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const index = openBlockIndex(path.join(folder, 'blocks.db'))
  const packs = await openPacks(
    path.join(folder, 'packs'),
    index.packs().map(({ id }) => id),
    openFile,
  )
  const stored = storedBlocks(index, packs, logger)
  const open = new Set<OpenBatch>()
  const holds = createHolds()
  const stopping = new AbortController()
  let collection: Collection | undefined

  function startCollection(caller: AbortSignal | undefined): Collection {
    const signal = caller === undefined ? stopping.signal : AbortSignal.any([caller, stopping.signal])
    const started = collectGarbage({ index, packs, stored, roots: [...index.roots(), ...holds.roots()], open, signal })
    const forget = () => (collection = undefined)
    started.done.then(forget, forget)
    return started
  }

  return {
    ...stored,
    begin() {
      const spare = (hash: Uint8Array) => collection?.spare(hash)
      const batch = createBatch({ index, packs, stored, spare, ended: (ended) => open.delete(ended) })
      open.add(batch)
      return batch
    },
    ...pinning(index),
    async hold(cid) {
      const release = holds.add(cid.toString())
      await collection?.holding(cid)
      return release
    },
    collect(signal) {
      collection ??= startCollection(signal)
      return collection.done
    },
    async stop() {
      stopping.abort(new Error('the block store is closed'))
      await collection?.done.catch(() => {})
      await packs.stop()
      index.close()
    },
  }
}

/** Counts who holds which root. */
function createHolds() {
  const counts = new Map<string, number>()
  return {
    roots: () => counts.keys(),
    add(root: string): () => void {
      counts.set(root, (counts.get(root) ?? 0) + 1)
      let released = false
      return () => {
        if (released) return
        released = true
        const left = (counts.get(root) ?? 1) - 1
        if (left > 0) counts.set(root, left)
        else counts.delete(root)
      }
    },
  }
}

/** What the index alone knows. */
const pinning = (index: BlockIndex) => ({
  pins: (name: string) => index.pins(name),
  pinNames: (prefix: string) => index.pinNames(prefix),
  isPinned: (cid: CID, name?: string) => index.isPinned(cid.toString(), name),
  unpin: (cid: CID, name: string) => index.unpin(cid.toString(), name),
  unpinAll: (name: string) => index.unpinAll(name),
  usage: () => index.usage(),
  footprint: () => index.footprint(),
})
