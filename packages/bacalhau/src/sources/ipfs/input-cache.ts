import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { createFlights } from '../../content/parallel.ts'

export interface CachedInput {
  readonly hostPath: string
  readonly kind: 'file' | 'folder'
}

/** Makes an input at `target`, which does not exist, and says what it is and how many bytes it has. */
export type Make = (
  target: string,
  signal: AbortSignal,
) => Promise<{ readonly kind: 'file' | 'folder'; readonly bytes: number }>

/**
 * Inputs by content, each on disk once however many executions read it. What nobody reads stays for the next one, the least
 * recently used going first when more than `capacity` bytes lie idle.
 */
export interface InputCache {
  has(key: string): boolean
  /**
   * The input named `key`, made by `make` when it is not there. Callers at the same time share the making, which is aborted
   * when none of them wants it any more. Each call that resolves is followed by one call of `release`.
   */
  acquire(key: string, make: Make, signal: AbortSignal): Promise<CachedInput & { release(): Promise<void> }>
}

interface Slot extends CachedInput {
  readonly bytes: number
  users: number
}

/** Opens an empty cache: what a former process left in `folder` may be half of something, and is removed. */
export async function openInputCache(folder: string, capacity: number): Promise<InputCache> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  /** What is on disk, in order of last use, the oldest first. */
  const slots = new Map<string, Slot>()
  const flights = createFlights<void>()
  let made = 0

  async function create(key: string, make: Make, signal: AbortSignal): Promise<void> {
    // A new name each time, so that nothing waits for the removal of what had this key before.
    made += 1
    const hostPath = path.join(folder, `${made}-${key}`)
    slots.set(key, { ...(await make(hostPath, signal)), hostPath, users: 0 })
  }

  async function shrink(): Promise<void> {
    const idle = [...slots].filter(([, { users }]) => users === 0)
    let excess = idle.reduce((sum, [, { bytes }]) => sum + bytes, 0) - capacity
    const removed: Promise<void>[] = []
    for (const [key, { bytes, hostPath }] of idle) {
      if (excess <= 0) break
      excess -= bytes
      slots.delete(key)
      removed.push(rm(hostPath, { recursive: true, force: true }))
    }
    await Promise.all(removed)
  }

  return {
    has: (key) => slots.has(key),
    async acquire(key, make, signal) {
      signal.throwIfAborted()
      let slot = slots.get(key)
      while (slot === undefined) {
        await flights.join(key, signal, (shared) => create(key, make, shared))
        // Made, but nobody's for a moment: it may have had to go again.
        slot = slots.get(key)
      }
      const used = slot
      used.users += 1
      let released = false
      return {
        hostPath: used.hostPath,
        kind: used.kind,
        async release() {
          if (released) return
          released = true
          used.users -= 1
          slots.delete(key)
          slots.set(key, used)
          await shrink()
        },
      }
    },
  }
}
