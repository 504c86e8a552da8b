/** Lines that are kept for whoever looks into a failure. */
const KEPT = 60

/**
 * What happened, in order. The hash of all of it tells two runs apart by the smallest difference; only the last lines are kept,
 * or all of them for a reader who asks.
 */
export class Trace {
  readonly #keepAll: boolean
  #lines: string[] = []
  #count = 0
  /** Two FNV-1a hashes of 32 bits, which differ in where they begin. */
  #left = 0x811c9dc5
  #right = 0x01000193

  constructor({ keepAll = false } = {}) {
    this.#keepAll = keepAll
  }

  note(milliseconds: number, text: string): void {
    const line = `${milliseconds.toFixed(1).padStart(9)}  ${text}`
    for (let index = 0; index < line.length; index++) {
      const unit = line.charCodeAt(index)
      this.#left = Math.imul(this.#left ^ unit, 0x01000193)
      this.#right = Math.imul(this.#right ^ unit, 0x01000193)
    }
    this.#count += 1
    this.#lines.push(line)
    if (!this.#keepAll && this.#lines.length > 4 * KEPT) this.#lines = this.#lines.slice(-KEPT)
  }

  /** Of everything that was noted. */
  get hash(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0')
    return `${hex(this.#left)}${hex(this.#right)}-${this.#count}`
  }

  /** The last lines, oldest first. */
  last(most: number): readonly string[] {
    return this.#lines.slice(-most)
  }
}
