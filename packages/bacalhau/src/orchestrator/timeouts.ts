import type { Job } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Failure } from './failure.ts'

export interface Timeouts {
  stop(): void
}

export interface TimeoutHandler {
  /** The job has waited for a node as long as its spec allows. */
  onQueueTimeout(): void
  onTotalTimeout(failure: Failure): void
}

/** Longest timer that Node takes, in milliseconds (2^31 - 1): about 25 days. */
const LONGEST = 2_147_483_647

/** Milliseconds; what is below one only tells jobs of the same moment apart. */
const age = (job: Job, now: number): number => now - Math.floor(job.CreateTime / 1e6)

/** Milliseconds that the job may wait for a node; undefined when its spec says nothing. */
export function queueTimeout(job: Job): number | undefined {
  const { QueueTimeout = 0 } = job.Tasks[0]?.Timeouts ?? {}
  return QueueTimeout === 0 ? undefined : QueueTimeout * 1000
}

/** Has the job waited for a node as long as its spec allows? Never true of one whose spec says nothing. */
export function isQueueTimeOver(job: Job, now: number): boolean {
  return age(job, now) >= (queueTimeout(job) ?? Infinity)
}

/** Watches the queue timeout and the total timeout of a job, counted from its submission. */
export function startTimeouts(job: Job, clock: Clock, handler: TimeoutHandler): Timeouts {
  const { TotalTimeout = 0 } = job.Tasks[0]?.Timeouts ?? {}
  const watches = [
    watch(job, clock, queueTimeout(job) ?? 0, () => handler.onQueueTimeout()),
    watch(job, clock, TotalTimeout * 1000, () =>
      handler.onTotalTimeout({
        code: 'ExecutionTimeout',
        message: `Job timed out. Job took longer than ${TotalTimeout}s`,
        hint: 'Increase the task timeout or allocate more resources',
      }),
    ),
  ]
  return { stop: () => watches.forEach((timer) => timer.cancel()) }
}

/** Calls `action` when the job is `limit` milliseconds old, or at once when it is older. 0 means never. */
function watch(job: Job, clock: Clock, limit: number, action: () => void): Timer {
  let timer: Timer | undefined
  const wait = () => {
    const left = limit - age(job, clock.now())
    if (left <= 0 && timer !== undefined) return action()
    timer = clock.after(Math.min(LONGEST, Math.max(0, left)), wait)
  }
  if (limit > 0) wait()
  return { cancel: () => timer?.cancel() }
}
