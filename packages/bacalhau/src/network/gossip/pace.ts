import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** Milliseconds over which messages are counted. */
const WINDOW = 10_000

/** Bounds how much is said, by each author and by all together. */
export interface Pace {
  /** May one more message of `author` be taken now? Counts it if so. */
  allows(author: string): boolean
}

export interface PaceOptions {
  readonly perAuthor?: number
  readonly total?: number
}

export function createPace(clock: Clock, options: PaceOptions = {}): Pace {
  const { perAuthor = LIMITS.factsOfAuthor, total = LIMITS.factsInAll } = options
  const counts = new Map<string, number>()
  let [begin, all] = [clock.monotonic(), 0]
  return {
    allows(author) {
      const now = clock.monotonic()
      if (now - begin >= WINDOW) {
        counts.clear()
        begin = now
        all = 0
      }
      const count = counts.get(author) ?? 0
      if (count >= perAuthor || all >= total) return false
      counts.set(author, count + 1)
      all += 1
      return true
    },
  }
}
