import type { Job } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import type { Unplaced } from './placement.ts'
import { isQueueTimeOver, queueTimeout } from './timeouts.ts'

export interface Circumstances {
  /** The nodes are still coming back after a restart of the orchestrator. */
  readonly settling: boolean
  readonly now: number
}

export type Verdict =
  | { readonly kind: 'wait'; readonly message: string }
  | { readonly kind: 'fail'; readonly code: ErrorCode; readonly message: string }

/**
 * What becomes of a job of which nothing is under way and nothing could be placed. Without a queue timeout it waits for room as long as it takes, but does not wait
 * for a node that is not there. With one it waits for either, and no longer than that.
 */
export function verdictOn(job: Job, { kind, code, reason }: Unplaced, { settling, now }: Circumstances): Verdict {
  const limit = queueTimeout(job)
  const wait: Verdict = { kind: 'wait', message: reason }
  if (settling) return wait
  if (limit !== undefined && isQueueTimeOver(job, now)) {
    const message = `the job waited for a node for ${limit / 1000}s, as long as its queue timeout allows: ${reason}`
    return { kind: 'fail', code: kind === 'busy' ? 'TimeOut' : code, message }
  }
  return kind === 'impossible' && limit === undefined ? { kind: 'fail', code, message: reason } : wait
}
