import type { Execution, Job, JobProgress } from '@bacalhau/models'
import type { OpenJob } from './open-job.ts'

/** How far a task array is by now; undefined for anything else. */
export function progressOf({ agenda, ledger }: OpenJob): JobProgress | undefined {
  if (agenda.kind !== 'partitions' || agenda.count < 2) return undefined
  const [Total, Completed, Running] = [agenda.count, agenda.completed, ledger.active]
  return { Total, Completed, Running, Waiting: Math.max(0, Total - Completed - Running) }
}

/** The job with what is true of it at this moment: why it waits, or how much of a task array is done. */
export function withProgress(job: Job, open: OpenJob, reason: string | undefined): Job {
  const { State } = job
  if (open.job.Version !== job.Version) return job
  const Progress = progressOf(open)
  const shown = Progress === undefined ? job : { ...job, Progress }
  if (State.StateType === 'Queued' && reason !== undefined) return { ...shown, State: { ...State, Message: reason } }
  const Message = Progress === undefined ? preparing(open) : inWords(job, Progress, reason)
  return State.StateType !== 'Running' || Message === undefined ? shown : { ...shown, State: { ...State, Message } }
}

/** How far the only run of a job is before it begins. Of several, each says so for itself. */
function preparing({ ledger }: OpenJob): string | undefined {
  const [run] = ledger.active === 1 ? ledger.runs() : []
  return run === undefined ? undefined : ledger.preparing(run.id)
}

/** The execution with what is true of it at this moment: how far it is, when it has not begun to run. */
export function withPreparation(execution: Execution, { ledger }: OpenJob): Execution {
  const words = ledger.preparing(execution.ID)
  if (words === undefined) return execution
  const { ComputeState } = execution
  const Details = { ...ComputeState.Details, Preparing: words }
  return { ...execution, ComputeState: { ...ComputeState, Message: words, Details } }
}

function inWords({ Type }: Job, { Total, Completed, Running, Waiting }: JobProgress, reason?: string): string {
  const words =
    Type === 'service' ? [`${Running} of ${Total} placed`] : [`${Completed} of ${Total} done`, `${Running} placed`]
  if (Waiting > 0) words.push(`${Waiting} waiting${reason === undefined ? '' : ` (${reason})`}`)
  return words.join(', ')
}

/** The same for a job that is not open: one that has completed did so with all of its partitions. */
export function withEnd(job: Job): Job {
  if (job.State.StateType !== 'Completed' || job.Type !== 'batch' || job.Count < 2) return job
  return { ...job, Progress: { Total: job.Count, Completed: job.Count, Running: 0, Waiting: 0 } }
}
