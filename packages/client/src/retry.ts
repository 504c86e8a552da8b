import { type ApiError, isApiError, isNobodyThere } from './api-error.ts'
import { type Platform, sleep } from './platform.ts'

/** How often, and with what pauses in milliseconds, something is tried again. */
export interface RetryPolicy {
  /** Tries in all; 1 never tries again. */
  readonly tries: number
  /** Pause after the first failure. It doubles with each further one. */
  readonly firstPause: number
  readonly longestPause: number
}

export const REQUEST_RETRIES: RetryPolicy = { tries: 4, firstPause: 200, longestPause: 5_000 }
/** Streams that break off: some three minutes without an answer. Each piece that arrives starts the count anew. */
export const STREAM_RETRIES: RetryPolicy = { tries: 30, firstPause: 200, longestPause: 8_000 }

/** A server that wants more patience than this, in milliseconds, is told of instead. */
const MOST_PATIENCE = 60_000

/**
 * The pause after `failures` failures: as long as the server asked for, else exponential, of which the upper half is drawn by
 * lot so that many clients do not come back at once.
 */
export function pauseAfter(failures: number, error: ApiError, policy: RetryPolicy, random: () => number): number {
  if (error.retryAfter !== undefined) return error.retryAfter
  const whole = Math.min(policy.longestPause, policy.firstPause * 2 ** (failures - 1))
  return whole * (0.5 + random() / 2)
}

/** May a request be sent once more? `repeatable`: nothing happens twice by it. */
function mayRetry(error: unknown, repeatable: boolean): error is ApiError {
  if (!isApiError(error) || (error.retryAfter ?? 0) > MOST_PATIENCE) return false
  // Refused before anything was done.
  if (error.status === 429 || (error.status === 503 && error.retryAfter !== undefined)) return true
  return repeatable && isPassing(error) && !isNobodyThere(error)
}

/** May a stream that broke off, or could not be opened, be opened again? */
export const mayReopen = (error: unknown): error is ApiError =>
  isApiError(error) && (error.retryAfter ?? 0) <= MOST_PATIENCE && isPassing(error)

/** Nobody answered, or somebody who will know better in a moment. */
const isPassing = ({ status, retryable }: ApiError): boolean =>
  retryable && (status === 0 || status === 429 || (status >= 502 && status <= 504))

/** Tries `work` until it succeeds, fails in a way that stays, or has been tried often enough. */
export async function retrying<T>(
  work: () => Promise<T>,
  repeatable: boolean,
  policy: RetryPolicy,
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (failures >= policy.tries || !mayRetry(error, repeatable)) throw error
      await sleep(platform, pauseAfter(failures, error, policy, platform.random), signal)
    }
  }
}

/**
 * Tries `work` for as long as a stream that broke off is tried: it belongs to something that has been going on, so that even a
 * node which is not there at all may be back in a moment.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  platform: Platform,
  { signal, onLost }: { readonly signal?: AbortSignal | undefined; readonly onLost?: (error: ApiError) => void },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (failures >= STREAM_RETRIES.tries || !mayReopen(error)) throw error
      onLost?.(error)
      await sleep(platform, pauseAfter(failures, error, STREAM_RETRIES, platform.random), signal)
    }
  }
}
