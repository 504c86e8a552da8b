import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'

export interface CachedInput {
  readonly hostPath: string
  readonly kind: 'file' | 'folder'
}

/** Makes an input at `target`, which does not exist, and says what it is and how many bytes it has. */
export type Make = (target: string) => Promise<{ readonly kind: 'file' | 'folder'; readonly bytes: number }>

interface Slot {
  readonly made: Promise<CachedInput & { readonly bytes: number }>
  users: number
}

/**
 * Inputs by content, each on disk once however many executions read it. What nobody reads stays for the next one, the least
 * recently used going first when more than `capacity` bytes lie idle.
 */
export class InputCache {
  readonly #folder: string
  readonly #capacity: number
  /** In order of last use, the oldest first. */
  readonly #slots = new Map<string, Slot>()

  private constructor(folder: string, capacity: number) {
    this.#folder = folder
    this.#capacity = capacity
  }

  /** Opens an empty cache: what a former process left in `folder` may be half of something, and is removed. */
  static async open(folder: string, capacity: number): Promise<InputCache> {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new InputCache(folder, capacity)
  }

  has(key: string): boolean {
    return this.#slots.has(key)
  }

  /** The input named `key`, made by `make` when it is not there; every `acquire` that resolves is followed by one `release`. */
  async acquire(key: string, make: Make): Promise<CachedInput> {
    const slot = this.#slots.get(key) ?? this.#create(key, make)
    this.#slots.delete(key)
    this.#slots.set(key, slot)
    slot.users += 1
    try {
      return await slot.made
    } catch (error) {
      // The next one tries anew.
      if (this.#slots.get(key) === slot) this.#slots.delete(key)
      throw error
    }
  }

  async release(key: string): Promise<void> {
    const slot = this.#slots.get(key)
    if (slot === undefined) return
    slot.users -= 1
    await this.#shrink()
  }

  #create(key: string, make: Make): Slot {
    const hostPath = path.join(this.#folder, key)
    const made = make(hostPath).then((input) => ({ ...input, hostPath }))
    return { made, users: 0 }
  }

  async #shrink(): Promise<void> {
    const idle = [...this.#slots].filter(([, { users }]) => users === 0)
    const sizes = await Promise.all(idle.map(async ([key, { made }]) => ({ key, ...(await made) })))
    let excess = sizes.reduce((sum, { bytes }) => sum + bytes, 0) - this.#capacity
    for (const { key, bytes, hostPath } of sizes) {
      if (excess <= 0) return
      if (this.#slots.get(key)?.users !== 0) continue
      this.#slots.delete(key)
      excess -= bytes
      await rm(hostPath, { recursive: true, force: true })
    }
  }
}
