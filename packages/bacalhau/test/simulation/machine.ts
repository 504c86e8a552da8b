import type { Clock } from '../../src/runtime/clock.ts'
import { BacalhauError } from '../../src/runtime/error.ts'
import type { MemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'

/** What a process sees of its machine. When it dies nothing of it acts any more: no timer, no write, no answer. */
export interface Machine {
  readonly clock: Clock
  readonly store: Store
  /** Writes are rejected as by a full disk. */
  full: boolean
  readonly dead: boolean
  /** Ends the process as `kill -9` does; `disk` keeps what was committed. */
  die(): void
}

export function createMachine(clock: Clock, disk: MemoryStore): Machine {
  let dead = false
  const silence = () => new Promise<never>(() => undefined)
  const machine: Machine = {
    full: false,
    get dead() {
      return dead
    },
    clock: { ...clock, after: (delay, action) => clock.after(delay, () => !dead && action()) },
    store: {
      commit(writes) {
        if (dead) return silence()
        return machine.full ? Promise.reject(new BacalhauError('DiskFull', 'no room left')) : disk.commit(writes)
      },
      get: (table, key) => (dead ? silence() : disk.get(table, key)),
      range: (table, query) => (dead ? silence() : disk.range(table, query)),
      stop: async () => undefined,
    },
    die() {
      dead = true
      disk.crash()
    },
  }
  return machine
}
