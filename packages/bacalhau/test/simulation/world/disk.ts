import type { Clock } from '../../../src/runtime/clock.ts'
import { BacalhauError } from '../../../src/runtime/error.ts'
import { createMemoryStore, type MemoryStore } from '../../../src/store/memory.ts'
import { put, type Store, TABLES, type Table, type Write } from '../../../src/store/store.ts'
import type { Dice } from './dice.ts'
import type { Life } from './machine.ts'

/** Everything on a disk at one moment. */
export type Snapshot = readonly Write[]

/** The process that uses a disk. */
export type DiskUser = Pick<Life, 'reach' | 'holds'>

export interface DiskOptions {
  readonly clock: Clock
  readonly dice: Dice
}

/** How a disk is at the moment. */
export interface DiskWeather {
  full: boolean
  /** Milliseconds that a write takes, at least and at most. */
  slowness: readonly [number, number]
  /** Milliseconds at most from a write being durable to its process hearing of it. */
  deafness: number
  /** Says that it has written before it has: a fault that no program can make good. */
  lies: boolean
}

/** More rows than any table has. */
const ALL = 1_000_000

/** The disk of a machine. It outlives processes, takes its time, is full or slow for a while, and may be lost or set back. */
export class Disk {
  readonly weather: DiskWeather = { full: false, slowness: [0, 0], deafness: 0, lies: false }
  /** Told of every unit at the moment at which it is durable, before anybody acts on it. */
  onUnit: ((writes: readonly Write[]) => void) | undefined
  readonly #options: DiskOptions
  #rows: MemoryStore = createMemoryStore()
  #generation = 1
  /** When the last unit that was asked for is done, and heard of. */
  #doneAt = 0
  #heardAt = 0

  constructor(options: DiskOptions) {
    this.#options = options
  }

  /** Changes when the disk was lost, as the identity of a store does. */
  get generation(): string {
    return `g-${this.#generation}`
  }

  /** The store as a process sees it. */
  open(life: { readonly dead: boolean }, process: DiskUser): Store {
    const never = () => new Promise<never>(() => undefined)
    return {
      commit: (writes) => {
        process.reach('commit')
        return life.dead ? never() : this.#commit(life, freeze(writes), process)
      },
      get: (table, key) => (life.dead ? never() : this.#rows.get(table, key)),
      range: (table, query) => (life.dead ? never() : this.#rows.range(table, query)),
      stop: async () => undefined,
    }
  }

  /** What no process sees: rows as they are, at once. */
  rows(table: Table, prefix = '') {
    return this.#rows.range(table, { prefix, limit: ALL })
  }

  /** Changes a row behind the back of everybody. */
  async tamper(...writes: Write[]): Promise<void> {
    await this.#rows.commit(writes)
  }

  /** Loses what was not durable. */
  crash(): void {
    this.#doneAt = 0
    this.#heardAt = 0
    this.#rows.crash()
  }

  async snapshot(): Promise<Snapshot> {
    const tables = TABLES.map(async (table) => (await this.rows(table)).map(({ key, value }) => put(table, key, value)))
    return (await Promise.all(tables)).flat()
  }

  /** Sets the disk back to what it was, as a restored back-up does. To be done while no process runs. */
  async restore(snapshot: Snapshot): Promise<void> {
    this.#rows = createMemoryStore()
    await this.#rows.commit(snapshot)
  }

  /** Loses everything. To be done while no process runs. */
  wipe(): void {
    this.#rows = createMemoryStore()
    this.#generation += 1
  }

  #commit(life: { readonly dead: boolean }, writes: readonly Write[], { reach, holds }: DiskUser) {
    const { clock, dice } = this.#options
    const now = clock.monotonic()
    const [least, most] = this.weather.slowness
    this.#doneAt = Math.max(this.#doneAt, now + least + dice.next() * (most - least))
    this.#heardAt = Math.max(this.#heardAt, this.#doneAt + dice.next() * this.weather.deafness)
    const [delay, deafness] = [this.#doneAt - now, this.#heardAt - this.#doneAt]
    return new Promise<void>((resolve, reject) => {
      const write = async () => {
        if (life.dead) return
        if (this.weather.full) return reject(new BacalhauError('DiskFull', 'no space left on the disk'))
        await this.#rows.commit(writes)
        this.onUnit?.(writes)
        reach('durable')
        clock.after(deafness, () => !life.dead && !holds(resolve) && resolve())
      }
      clock.after(delay, () => void write())
      if (this.weather.lies) resolve()
    })
  }
}

/** As the documents are now: whoever changes one later does not change what is written. */
function freeze(writes: readonly Write[]): readonly Write[] {
  return writes.map((write) =>
    write.op === 'put' ? { ...write, value: JSON.parse(JSON.stringify(write.value)) as unknown } : write,
  )
}
