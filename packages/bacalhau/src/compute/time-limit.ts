import type { Clock } from '../runtime/clock.ts'

/**
 * Runs `work` with a signal that aborts when `signal` does, or with the error of `late` when `milliseconds` have passed. When
 * one of them ended it, its reason is thrown, whatever the work itself says.
 */
export async function withinTime<T>(
  { clock, milliseconds, late }: { readonly clock: Clock; readonly milliseconds: number; readonly late: () => Error },
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const timer = clock.after(milliseconds, () => limit.abort(late()))
  const either = AbortSignal.any([signal, limit.signal])
  try {
    return await work(either)
  } catch (error) {
    either.throwIfAborted()
    throw error
  } finally {
    timer.cancel()
  }
}
