import { diskFull } from './block-index.ts'
import type { PackWriter, Packs } from './packs.ts'

/** A batch of at most this many bytes lives in the index; more goes into a pack. */
const INLINE_BYTES = 256 * 1024
/** Bytes that one write carries. One write is under way while the next is gathered. */
const WRITE_BYTES = 1024 * 1024

/** A block of a batch. */
export interface BatchEntry {
  readonly bytes: number
  readonly leaf: boolean
  readonly offset: number
  /** The block, until it is written to the pack. */
  block: Uint8Array | undefined
}

/** Gathers blocks and, once they are many, writes them to a pack behind the caller's back. */
export interface BatchWriter {
  /** Bytes of all blocks so far: the offset of the next one. */
  readonly total: number
  /** Throws `DiskFull` for this write or an earlier one. */
  add(entry: BatchEntry): Promise<void>
  /** Reads back a block that is no longer in memory. */
  read(entry: BatchEntry): Promise<Uint8Array>
  /** Resolves when all is on the disk, to the pack; undefined when everything is small enough to stay in memory. */
  finish(): Promise<{ readonly id: number; readonly bytes: number } | undefined>
  discard(): Promise<void>
}

export function createBatchWriter(packs: Packs): BatchWriter {
  let gathered: BatchEntry[] = []
  let gatheredBytes = 0
  let total = 0
  let pack: PackWriter | undefined
  /** The write under way; rejects once something went wrong, for good. */
  let writing: Promise<void> = Promise.resolve()

  async function write(entries: readonly BatchEntry[]): Promise<void> {
    pack ??= await packs.create()
    await pack.append(entries.flatMap(({ block }) => (block === undefined ? [] : [block])))
    for (const entry of entries) entry.block = undefined
  }

  /** Begins to write what was gathered, in its turn. Resolves when all earlier writes are done. */
  function flush(): Promise<void> {
    const entries = gathered
    const earlier = writing
    gathered = []
    gatheredBytes = 0
    writing = earlier.then(() => write(entries))
    writing.catch(() => {}) // reported by whoever awaits it next
    return earlier
  }

  return {
    get total() {
      return total
    },
    async add(entry) {
      gathered.push(entry)
      gatheredBytes += entry.bytes
      total += entry.bytes
      if (total > INLINE_BYTES && gatheredBytes >= WRITE_BYTES) await flush().catch(rethrowDiskFull)
    },
    async read(entry) {
      if (pack === undefined) throw new Error('a block left memory without having been written')
      return pack.read(entry.offset, entry.bytes)
    },
    async finish() {
      if (total <= INLINE_BYTES) return undefined
      await flush()
      await writing
      await pack?.finish()
      return pack === undefined ? undefined : { id: pack.id, bytes: total }
    },
    async discard() {
      await writing.catch(() => {})
      await pack?.discard()
    },
  }
}

function rethrowDiskFull(error: unknown): never {
  throw diskFull(error) ?? error
}
