import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@bacalhau/client'
import { type Execution, isFinalJobState, type Job } from '@bacalhau/models'

/** A job and its executions at one moment. */
export interface Snapshot {
  readonly job: Job
  readonly executions: readonly Execution[]
}

export interface WatchOptions {
  readonly namespace: string
  /** Called with the job at first and after each change. */
  readonly onChange: (snapshot: Snapshot) => Promise<void>
  readonly signal: AbortSignal
}

/** Milliseconds between two questions to a server that does not wait for changes. */
const PAUSE = 500

/** Follows a job to its end, without polling: the node answers when something has changed. */
export async function watchJob(
  client: Client,
  id: string,
  { namespace, onChange, signal }: WatchOptions,
): Promise<Snapshot> {
  for (;;) {
    const { Job: job, Executions } = await client.jobs.get(id, { namespace, include: ['executions'], signal })
    const snapshot = { job, executions: Executions?.Items ?? [] }
    await onChange(snapshot)
    if (isFinalJobState(job.State.StateType)) return snapshot
    const asked = performance.now()
    const { Revision } = await client.jobs.waitForChange(job.ID, job.Revision, { namespace, signal })
    // A server that answers at once without a change does not know how to wait.
    if (Revision === job.Revision && performance.now() - asked < PAUSE) await pause(PAUSE, undefined, { signal })
  }
}
