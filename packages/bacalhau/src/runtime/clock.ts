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

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delay, action) {
    const handle = setTimeout(action, delay)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Waits `delay` milliseconds on `clock`; rejects with the signal's reason when `signal` aborts first. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal))
    const onAbort = () => {
      timer.cancel()
      reject(abortReason(signal))
    }
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal?.reason })
}
