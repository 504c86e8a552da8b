import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** Milliseconds over which messages are counted. */
const WINDOW = 10_000

/** Bounds how much is said, by each author and by all together. */
export interface Pace {
  /** May one more message of `author` be taken now? Counts it if so. */
  allows(author: string): boolean
  /** Has `author` said all that is taken of it for now? */
  isSpent(author: string): boolean
}

export interface PaceOptions {
  readonly perAuthor?: number
  readonly total?: number
}

export function createPace(clock: Clock, options: PaceOptions = {}): Pace {
  const { perAuthor = LIMITS.factsOfAuthor, total = LIMITS.factsInAll } = options
  const counts = new Map<string, number>()
  let [begin, all] = [clock.monotonic(), 0]

  function turn(): void {
    const now = clock.monotonic()
    if (now - begin < WINDOW) return
    counts.clear()
    begin = now
    all = 0
  }

  const isSpent = (author: string) => {
    turn()
    return (counts.get(author) ?? 0) >= perAuthor || all >= total
  }

  return {
    isSpent,
    allows(author) {
      if (isSpent(author)) return false
      counts.set(author, (counts.get(author) ?? 0) + 1)
      all += 1
      return true
    },
  }
}
