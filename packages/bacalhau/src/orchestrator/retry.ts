import type { Job } from '@bacalhau/models'
import { CATALOGUE, type ErrorCode } from '../runtime/error-catalogue.ts'

/** What went wrong so far with one partition of a job, or at one node of a job that runs everywhere. */
export interface Trouble {
  /** Runs that failed by themselves. */
  failures: number
  /** Runs that were lost with their node, through no fault of their own. */
  losses: number
  /** Nodes on which it happened: others come first. */
  readonly avoid: Set<string>
  /** The execution that ended last. */
  previous: string
}

export interface RetryPolicy {
  /** Runs of one partition that may fail, the last of which fails the job. */
  readonly failures: number
  /** Runs of one partition that may be lost. A job that brings its nodes down is not passed on for ever. */
  readonly losses: number
}

export const RETRIES: RetryPolicy = { failures: 3, losses: 100 }

export type Cause = { readonly kind: 'lost' } | { readonly kind: 'failed'; readonly code: string }

/** `again` after so many milliseconds, or not any more. */
export type Step = { readonly kind: 'again'; readonly after: number } | { readonly kind: 'give-up' }

const SECOND = 1_000
/** Longest pauses, in milliseconds: of what ends by itself some time, and of what is to run for ever. */
const [LONGEST, LONGEST_SERVICE] = [60 * SECOND, 300 * SECOND]
/** A run of this many milliseconds was a good one: what went wrong before does not count any more. */
const GOOD_RUN = 600 * SECOND

/**
 * What follows from the end of a run, which has been counted in `trouble` already. Only what may go better another time is
 * tried again; a job that fails of itself fails at once. The first run that is lost is replaced without a pause.
 */
export function nextStep(type: Job['Type'], cause: Cause, trouble: Trouble, policy: RetryPolicy = RETRIES): Step {
  if (type === 'ops') return { kind: 'give-up' }
  const endless = type !== 'batch'
  const longest = endless ? LONGEST_SERVICE : LONGEST
  if (cause.kind === 'lost') {
    if (!endless && trouble.losses > policy.losses) return { kind: 'give-up' }
    return { kind: 'again', after: trouble.losses <= 1 ? 0 : pause(trouble.losses - 2, longest) }
  }
  if (!endless && (!isRetryable(cause.code) || trouble.failures >= policy.failures)) return { kind: 'give-up' }
  return { kind: 'again', after: pause(trouble.failures - 1, longest) }
}

const pause = (doublings: number, longest: number): number => Math.min(longest, SECOND * 2 ** Math.min(doublings, 20))

const isRetryable = (code: string): boolean => Object.hasOwn(CATALOGUE, code) && CATALOGUE[code as ErrorCode].retryable

/** Counts the end of a run of `milliseconds` at `node`. */
export function count(
  known: Trouble | undefined,
  cause: Cause,
  run: { readonly id: string; readonly node: string; readonly milliseconds: number },
): Trouble {
  const trouble =
    known === undefined || run.milliseconds >= GOOD_RUN
      ? { failures: 0, losses: 0, avoid: new Set<string>(), previous: run.id }
      : known
  if (cause.kind === 'lost') trouble.losses += 1
  else trouble.failures += 1
  trouble.avoid.add(run.node)
  trouble.previous = run.id
  return trouble
}
