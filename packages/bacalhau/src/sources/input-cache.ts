import { mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { createFlights } from '../content/parallel.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface CachedInput {
  readonly hostPath: string
  readonly kind: 'file' | 'folder'
}

/** Makes an input at `target`, which does not exist, and says what it is and how many bytes it has. */
export type Make = (
  target: string,
  signal: AbortSignal,
  onBytes: (count: number) => void,
) => Promise<{ readonly kind: 'file' | 'folder'; readonly bytes: number }>

/**
 * Inputs by content, each on disk once however many executions read it. What nobody reads stays for the next one, the least
 * recently used going first when more than `capacity` bytes lie idle.
 */
export interface InputCache {
  /** Bytes of the input named `key`; undefined when it is not there. */
  bytesOf(key: string): number | undefined
  /**
   * The input named `key`, made by `make` when it is not there. Callers at the same time share the making, which is aborted
   * when none of them wants it any more, and hear by `onBytes` how it goes. Each call that resolves is followed by one call of
   * `release`.
   */
  acquire(
    key: string,
    make: Make,
    signal: AbortSignal,
    onBytes?: (count: number) => void,
  ): Promise<CachedInput & { release(): Promise<void> }>
  /** Removes everything that nobody reads. */
  relieve(): Promise<void>
}

interface Slot extends CachedInput {
  readonly bytes: number
  users: number
}

export interface InputCacheOptions {
  /** Bytes that may lie idle. */
  readonly capacity?: number
  /** Paths of what jobs of a former process still read. It stays as long as this process, and is of no other use. */
  readonly inUse?: readonly string[]
}

/** Opens an empty cache: what a former process left in `folder` may be half of something, and is removed. */
export async function openInputCache(folder: string, options: InputCacheOptions = {}): Promise<InputCache> {
  const { capacity = LIMITS.inputCache, inUse = [] } = options
  const kept = await clear(folder, inUse)
  const slots = createSlots(capacity)
  const flights = createFlights<void>()
  const listeners = createListeners()
  // Names are numbered on, so that none is that of what stays.
  let made = Math.max(0, ...kept.map((name) => Number.parseInt(name, 10) || 0))

  async function create(key: string, make: Make, signal: AbortSignal): Promise<void> {
    // A new name each time, so that nothing waits for the removal of what had this key before.
    made += 1
    const hostPath = path.join(folder, `${made}-${key}`)
    const { kind, bytes } = await make(hostPath, signal, (count) => listeners.tell(key, count))
    slots.add(key, { kind, bytes, hostPath, users: 0 })
  }

  return {
    bytesOf: (key) => slots.get(key)?.bytes,
    relieve: () => slots.shrink(0),
    async acquire(key, make, signal, onBytes = () => undefined) {
      signal.throwIfAborted()
      let slot = slots.get(key)
      if (slot !== undefined) onBytes(slot.bytes)
      while (slot === undefined) {
        const leave = listeners.join(key, onBytes)
        await flights.join(key, signal, (shared) => create(key, make, shared)).finally(leave)
        // Made, but nobody's for a moment: it may have had to go again.
        slot = slots.get(key)
      }
      const { hostPath, kind } = slot
      return { hostPath, kind, release: slots.use(key, slot) }
    },
  }
}

/** Who hears of what is being made; whoever comes later hears at once how much there is. */
function createListeners() {
  const made = new Map<string, { bytes: number; readonly hear: Set<(count: number) => void> }>()
  return {
    join(key: string, onBytes: (count: number) => void): () => void {
      const entry = made.get(key) ?? { bytes: 0, hear: new Set() }
      made.set(key, entry)
      // One of its own, so that the same function may join twice.
      const listener = (count: number) => onBytes(count)
      entry.hear.add(listener)
      if (entry.bytes > 0) onBytes(entry.bytes)
      return () => {
        entry.hear.delete(listener)
        if (entry.hear.size === 0) made.delete(key)
      }
    },
    tell(key: string, count: number): void {
      const entry = made.get(key)
      if (entry === undefined) return
      entry.bytes += count
      for (const listener of entry.hear) listener(count)
    },
  }
}

/** Removes all that is not in use; the names of what is. */
async function clear(folder: string, inUse: readonly string[]): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const used = new Set(inUse.map((place) => path.relative(folder, place).split(path.sep)[0]))
  const kept: string[] = []
  for (const name of await readdir(folder)) {
    if (used.has(name)) kept.push(name)
    else await rm(path.join(folder, name), { recursive: true, force: true })
  }
  return kept
}

/** What is on disk. Removes what nobody reads, the least recently used first, when that is more than `capacity` bytes. */
function createSlots(capacity: number) {
  /** In order of last use, the oldest first. */
  const slots = new Map<string, Slot>()
  /** Bytes of what nobody reads. */
  let idle = 0

  async function shrink(most: number): Promise<void> {
    const removed: Promise<void>[] = []
    for (const [key, { bytes, hostPath, users }] of slots) {
      if (idle <= most) break
      if (users > 0) continue
      idle -= bytes
      slots.delete(key)
      removed.push(rm(hostPath, { recursive: true, force: true }))
    }
    await Promise.all(removed)
  }

  return {
    shrink,
    get: (key: string) => slots.get(key),
    add(key: string, slot: Slot): void {
      slots.set(key, slot)
      idle += slot.bytes
    },
    /** Gives the function that ends this use. */
    use(key: string, slot: Slot): () => Promise<void> {
      if (slot.users === 0) idle -= slot.bytes
      slot.users += 1
      let released = false
      return async () => {
        if (released) return
        released = true
        slot.users -= 1
        slots.delete(key)
        slots.set(key, slot)
        if (slot.users > 0) return
        idle += slot.bytes
        await shrink(capacity)
      }
    },
  }
}
