import type { Job, JobProgress } from '@bacalhau/models'
import type { OpenJob } from './open-job.ts'

/** How far a task array is by now; undefined for anything else. */
export function progressOf({ agenda, ledger }: OpenJob): JobProgress | undefined {
  if (agenda.kind !== 'partitions' || agenda.count < 2) return undefined
  const [Total, Completed, Running] = [agenda.count, agenda.completed, ledger.active]
  return { Total, Completed, Running, Waiting: Math.max(0, Total - Completed - Running) }
}

/** The job with what is true of it at this moment: why it waits, or how much of a task array is done. */
export function withProgress(job: Job, open: OpenJob, reason: string | undefined): Job {
  const { StateType } = job.State
  if (open.job.Version !== job.Version) return job
  if (StateType === 'Queued' && reason !== undefined) return { ...job, State: { ...job.State, Message: reason } }
  const { agenda, ledger } = open
  if (StateType !== 'Running' || agenda.kind !== 'partitions' || agenda.count < 2) return job
  const [done, running] = [agenda.completed, ledger.active]
  const waiting = Math.max(0, agenda.count - done - running)
  const placed = job.Type === 'service' ? `${running} of ${agenda.count} placed` : `${running} placed`
  const words = job.Type === 'service' ? [placed] : [`${done} of ${agenda.count} done`, placed]
  if (waiting > 0) words.push(`${waiting} waiting${reason === undefined ? '' : ` (${reason})`}`)
  return { ...job, State: { ...job.State, Message: words.join(', ') } }
}
