/** The last `capacity` entries of a sequence that is numbered from 1. */
export class Ring<T> {
  readonly #capacity: number
  readonly #entries: T[] = []
  #last = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Number of the newest entry; 0 before the first one. */
  get last(): number {
    return this.#last
  }

  push(entry: T): void {
    this.#entries[this.#last % this.#capacity] = entry
    this.#last += 1
  }

  /** The entries after number `position`, at most `most`; undefined when some of them are gone, or never were. */
  after(position: number, most: number): T[] | undefined {
    if (position > this.#last || position < this.#last - this.#capacity) return undefined
    const found: T[] = []
    for (let at = position; at < this.#last && found.length < most; at++) {
      const entry = this.#entries[at % this.#capacity]
      if (entry !== undefined) found.push(entry)
    }
    return found
  }
}
