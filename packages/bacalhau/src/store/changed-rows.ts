import type { Recorded } from './journal.ts'
import { put, remove, type Table, type Write } from './store.ts'

/** Rows of a table that stand for things in memory: each that has changed is written as it is when the journal asks. */
export class ChangedRows implements Recorded {
  readonly #table: Table
  readonly #valueOf: (key: string) => unknown
  readonly #record: (rows: ChangedRows) => void
  #changed = new Set<string>()

  /** `valueOf` gives the document of a row; undefined when there shall be none. `record` tells the journal. */
  constructor(table: Table, valueOf: (key: string) => unknown, record: (rows: ChangedRows) => void) {
    this.#table = table
    this.#valueOf = valueOf
    this.#record = record
  }

  note(key: string): void {
    this.#changed.add(key)
    this.#record(this)
  }

  takeWrites(): Write[] {
    const changed = this.#changed
    this.#changed = new Set()
    return Array.from(changed, (key) => {
      const value = this.#valueOf(key)
      return value === undefined ? remove(this.#table, key) : put(this.#table, key, value)
    })
  }

  onDurable(): void {
    // Whoever waits for it asks the journal.
  }
}
