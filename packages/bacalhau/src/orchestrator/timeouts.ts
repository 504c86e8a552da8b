import type { Job } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Failure } from './failure.ts'

export interface TimeoutHandler {
  /** The job has waited for a node as long as its spec allows. */
  onQueueTimeout(): void
  onTotalTimeout(failure: Failure): void
}

/** Milliseconds that the job may wait for a node; undefined when its spec says nothing. */
export function queueTimeout(job: Job): number | undefined {
  const { QueueTimeout = 0 } = job.Tasks[0]?.Timeouts ?? {}
  return QueueTimeout === 0 ? undefined : QueueTimeout * 1000
}

/**
 * Watches the queue timeout and the total timeout of a version of a job that began at `since` (milliseconds since the epoch).
 * The wall clock is asked once; after that a jump of it changes nothing.
 */
export function startTimeouts(job: Job, since: number, clock: Clock, handler: TimeoutHandler): Timer {
  const { TotalTimeout = 0 } = job.Tasks[0]?.Timeouts ?? {}
  const age = Math.max(0, clock.now() - since)
  const timers: Timer[] = []
  const watch = (limit: number, action: () => void) => {
    if (limit > 0) timers.push(clock.after(Math.max(0, limit - age), action))
  }
  watch(queueTimeout(job) ?? 0, () => handler.onQueueTimeout())
  watch(TotalTimeout * 1000, () =>
    handler.onTotalTimeout({
      code: 'ExecutionTimeout',
      message: `Job timed out. Job took longer than ${TotalTimeout}s`,
      hint: 'Increase the task timeout or allocate more resources',
    }),
  )
  return { cancel: () => timers.forEach((timer) => timer.cancel()) }
}
