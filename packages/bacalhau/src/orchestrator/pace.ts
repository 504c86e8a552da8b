interface Known {
  runs: number
  /** Moving mean, in milliseconds. */
  mean: number
}

/** Runs after which a mean counts, and kinds of work that are remembered. */
const [ENOUGH, KEPT] = [8, 1_000]
/** Work below this is short: waiting for the answer of a node takes as long as the work itself. Milliseconds. */
const SHORT = 50

/** How long work of one kind takes. Short work is sent ahead, so that a node has the next at hand when one is done. */
export class Pace {
  readonly #kinds = new Map<string, Known>()

  /** A run has taken so long. */
  note(kind: string, milliseconds: number): void {
    const known = this.#kinds.get(kind) ?? { runs: 0, mean: milliseconds }
    known.runs += 1
    known.mean += (milliseconds - known.mean) / Math.min(known.runs, 16)
    if (known.runs > 1) return
    this.#kinds.set(kind, known)
    const [oldest] = this.#kinds.keys()
    if (this.#kinds.size > KEPT && oldest !== undefined) this.#kinds.delete(oldest)
  }

  isShort(kind: string): boolean {
    const known = this.#kinds.get(kind)
    return known !== undefined && known.runs >= ENOUGH && known.mean < SHORT
  }
}
