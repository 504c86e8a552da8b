/** Whole numbers from 0 on, kept as ranges: a hundred thousand neighbours cost as much as one number. */
export class IndexSet {
  /** Ascending, apart from each other; the second number of each is the first that is not in it any more. */
  readonly #ranges: [from: number, to: number][] = []
  #size = 0

  /** The numbers from 0 to `count - 1`. */
  static below(count: number): IndexSet {
    const set = new IndexSet()
    if (count > 0) set.#ranges.push([0, count])
    set.#size = count
    return set
  }

  get size(): number {
    return this.#size
  }

  /** The lowest number, or undefined when there is none. */
  get first(): number | undefined {
    return this.#ranges[0]?.[0]
  }

  has(index: number): boolean {
    const range = this.#ranges[this.#at(index)]
    return range !== undefined && range[0] <= index
  }

  add(index: number): void {
    const at = this.#at(index)
    const [before, after] = [this.#ranges[at - 1], this.#ranges[at]]
    if (after !== undefined && after[0] <= index) return
    this.#size += 1
    const joinsBefore = before?.[1] === index
    const joinsAfter = after?.[0] === index + 1
    if (joinsBefore && joinsAfter) this.#ranges.splice(at - 1, 2, [before[0], after[1]])
    else if (joinsBefore) before[1] += 1
    else if (joinsAfter) after[0] -= 1
    else this.#ranges.splice(at, 0, [index, index + 1])
  }

  delete(index: number): void {
    const at = this.#at(index)
    const range = this.#ranges[at]
    if (range === undefined || range[0] > index) return
    this.#size -= 1
    const [from, to] = range
    if (from === index) range[0] += 1
    else range[1] = index
    if (from !== index && index + 1 < to) this.#ranges.splice(at + 1, 0, [index + 1, to])
    if (range[0] === range[1]) this.#ranges.splice(at, 1)
  }

  /** The numbers, lowest first. Not to be changed while it goes on. */
  *[Symbol.iterator](): Generator<number> {
    for (const [from, to] of this.#ranges) for (let index = from; index < to; index++) yield index
  }

  /** Position of the first range that ends after `index`. Found by halving. */
  #at(index: number): number {
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ranges[middle]?.[1] ?? 0) <= index) low = middle + 1
      else high = middle
    }
    return low
  }
}
