import type { Job } from '@bacalhau/models'
import type { OpenJob } from './open-job.ts'

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
