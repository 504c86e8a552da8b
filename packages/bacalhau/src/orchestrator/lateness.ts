import { EXECUTION_STATES } from '@bacalhau/models'
import { CATALOGUE } from '../runtime/error-catalogue.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignment } from './assignments.ts'
import type { Failure } from './failure.ts'
import { isOver } from './run.ts'

/**
 * What should have happened to a run by `now` and has not: its node has left the offer unanswered, or lets it go on far beyond
 * its time. Nodes may be faulty, or worse.
 */
export function lateness({ job, run }: Assignment, now: number): 'unanswered' | Failure | undefined {
  if (isOver(run)) return undefined
  const age = now - run.modified
  if (run.state < EXECUTION_STATES.BidAccepted) return age < LIMITS.offerAnswer ? undefined : 'unanswered'
  const { ExecutionTimeout = 0 } = job.job.Tasks[0]?.Timeouts ?? {}
  if (run.state !== EXECUTION_STATES.Running || ExecutionTimeout === 0) return undefined
  if (age < ExecutionTimeout * 1000 + LIMITS.overdue) return undefined
  const message = `Execution timed out. Execution took longer than ${ExecutionTimeout}s`
  return { code: 'ExecutionTimeout', message, hint: CATALOGUE.ExecutionTimeout.hint }
}
