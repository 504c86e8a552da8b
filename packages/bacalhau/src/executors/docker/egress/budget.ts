import { type Clock, sleep } from '../../../runtime/clock.ts'

/** What one job may take of the network, both directions together. */
export interface EgressBounds {
  /** Bytes of the whole run. */
  readonly bytes: number
  /** Bytes a second. */
  readonly rate: number
}

/** Keeps a job within its bounds: whoever moves bytes for it asks first. */
export interface Budget {
  /** Resolves when `count` bytes may go on. Rejects when they are more than is left, and with the signal's reason. */
  take(count: number): Promise<void>
  /** Bytes that were asked for. */
  readonly used: number
  /** Aborts when more was asked for than there is. */
  readonly exceeded: AbortSignal
}

/** What may go at once after a pause, in milliseconds of the rate. */
const BURST = 250

export function createBudget({ bytes, rate }: EgressBounds, clock: Clock, signal: AbortSignal): Budget {
  const over = new AbortController()
  let used = 0
  /** When all that was let through so far would have gone at the bare rate. */
  let paid = Number.NEGATIVE_INFINITY
  return {
    async take(count) {
      signal.throwIfAborted()
      used += count
      if (used > bytes) over.abort()
      over.signal.throwIfAborted()
      const now = clock.monotonic()
      paid = Math.max(paid, now - BURST) + (count * 1_000) / rate
      if (paid > now) await sleep(clock, paid - now, signal)
    },
    get used() {
      return used
    },
    exceeded: over.signal,
  }
}
