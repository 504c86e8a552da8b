import type { Job } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Failure } from './failure.ts'

export interface Timeouts {
  stop(): void
}

export interface TimeoutHandler {
  /** The job may have waited long enough for a node; whoever decides looks again. */
  onQueueTimeout(): void
  onTotalTimeout(failure: Failure): void
}

/** Longest timer that Node takes, in milliseconds (2^31 - 1); a job that waits longer is looked at again in between. */
const LONGEST = 2_147_483_647

const age = (job: Job, now: number): number => now - job.CreateTime / 1e6
const seconds = (value: number | undefined): number => (value ?? 0) * 1000

/** Has the job waited as long for a node as its spec allows? Without a queue timeout: yes, at once. */
export function isQueueTimeOver(job: Job, now: number): boolean {
  return age(job, now) >= seconds(job.Tasks[0]?.Timeouts.QueueTimeout)
}

/** Watches the queue timeout and the total timeout of a job, counted from its submission. */
export function startTimeouts(job: Job, clock: Clock, handler: TimeoutHandler): Timeouts {
  const { QueueTimeout, TotalTimeout } = job.Tasks[0]?.Timeouts ?? {}
  const timers: Timer[] = []
  const watch = (limit: number, action: () => void) => {
    if (limit > 0) timers.push(clock.after(Math.min(LONGEST, Math.max(0, limit - age(job, clock.now()))), action))
  }
  watch(seconds(QueueTimeout), () => handler.onQueueTimeout())
  watch(seconds(TotalTimeout), () =>
    handler.onTotalTimeout({
      code: 'ExecutionTimeout',
      message: `Job timed out. Job took longer than ${TotalTimeout}s`,
      hint: 'Increase the task timeout or allocate more resources',
    }),
  )
  return { stop: () => timers.forEach((timer) => timer.cancel()) }
}
