import type { Job } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import type { Unplaced } from './explain.ts'

export type Verdict =
  | { readonly kind: 'wait'; readonly message: string }
  | { readonly kind: 'fail'; readonly code: ErrorCode; readonly message: string }

/**
 * What becomes of a job that has just been looked at for the first time and could not be placed. It waits: for room, for a
 * node that is away, for the first node of all. Only one that no node of those that are there could ever run fails at once,
 * if its spec does not say how long it may wait; later it is never failed for the nodes that come and go.
 */
export function verdictOn(
  { Type, State, Tasks: [task] }: Job,
  { kind, code, reason }: Unplaced,
  settling: boolean,
): Verdict {
  const limited = (task?.Timeouts.QueueTimeout ?? 0) > 0
  const first = State.StateType === 'Pending'
  if (kind !== 'impossible' || limited || !first || settling || Type === 'daemon')
    return { kind: 'wait', message: reason }
  return { kind: 'fail', code, message: reason }
}
