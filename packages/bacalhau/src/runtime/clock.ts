import { abortReason } from './abort.ts'

/** Time as the node sees it. Injected everywhere, so that a simulation can run on virtual time. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump. For records, never for durations. */
  now(): number
  /** Milliseconds from some fixed moment; never goes back. For durations and deadlines. */
  monotonic(): number
  /** Calls `action` once after `delay` milliseconds. A pending timer does not keep the process alive. */
  after(delay: number, action: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** The longest delay of a timer of the platform, which fires a longer one at once. Milliseconds, some 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delay, action) {
    let handle: NodeJS.Timeout | undefined
    const wait = (rest: number) => {
      const step = Math.min(rest, LONGEST_TIMER)
      handle = setTimeout(() => (rest > step ? wait(rest - step) : action()), step)
      handle.unref()
    }
    wait(delay)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Waits `delay` milliseconds on `clock`; rejects with the signal's reason when `signal` aborts first. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal))
    const onAbort = () => {
      timer.cancel()
      if (signal !== undefined) reject(abortReason(signal))
    }
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
