import { ApiError, type Client } from '@bacalhau/client'
import { type Execution, isFinalJobState, type Job } from '@bacalhau/models'
import { pause as pauseHere } from '../pause.ts'

export interface JobWithExecutions {
  readonly job: Job
  readonly executions: readonly Execution[]
}

/** A job and the first of its executions at one moment. */
export interface Snapshot extends JobWithExecutions {
  /** There are more executions than these. */
  readonly more: boolean
}

/** Executions of one job that are looked at and shown: it may have a hundred thousand. */
export const SHOWN_EXECUTIONS = 50

export interface WatchOptions {
  readonly namespace: string
  /** Has the job come far enough, although it has not ended? */
  readonly isEnough?: (snapshot: Snapshot) => boolean
  /** Called with the job at first, after each change, and every few seconds. */
  readonly onChange: (snapshot: Snapshot) => Promise<void>
  /** Called each time that the node does not answer. */
  readonly onLost: () => Promise<void>
  readonly signal: AbortSignal
  /** Waits some milliseconds. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Seconds after which is looked again even if the job has not moved on: why it waits, and how much of it is done, may differ. */
const LOOK_AGAIN = 2
/** Milliseconds between two questions to a server that does not wait for changes, or that does not answer. */
const PAUSE = 1_000
/** A node that restarts is back by then; the job does not depend on us. */
const TRIES = 60

/**
 * Follows a job to its end: the node answers at once when it has moved on. A node that does not answer is asked again for a
 * minute.
 */
export async function watchJob(client: Client, id: string, options: WatchOptions): Promise<Snapshot> {
  const { namespace, onChange, isEnough = () => false, signal, pause = pauseHere } = options
  for (;;) {
    const snapshot = await patiently(() => takeSnapshot(client, id, options), { ...options, pause })
    const { job } = snapshot
    await onChange(snapshot)
    if (isFinalJobState(job.State.StateType) || isEnough(snapshot)) return snapshot
    const asked = performance.now()
    const wait = { namespace, seconds: LOOK_AGAIN, signal }
    const next = await patiently(() => client.jobs.waitForChange(job.ID, job.Revision, wait), { ...options, pause })
    // A server that answers at once without a change does not know how to wait.
    if (next.Revision === job.Revision && performance.now() - asked < PAUSE) await pause(PAUSE, signal)
  }
}

async function takeSnapshot(
  client: Client,
  id: string,
  { namespace, signal }: Pick<WatchOptions, 'namespace' | 'signal'>,
): Promise<Snapshot> {
  const { Job: job } = await client.jobs.get(id, { namespace, signal })
  const limit = SHOWN_EXECUTIONS
  const { Items, NextToken } = await client.jobs.listExecutions(job.ID, { namespace, limit, signal })
  return { job, executions: Items, more: NextToken !== '' }
}

async function patiently<T>(
  ask: () => Promise<T>,
  { onLost, signal, pause }: Required<Pick<WatchOptions, 'onLost' | 'signal' | 'pause'>>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'Unreachable' || tries === TRIES) throw error
      await onLost()
      await pause(PAUSE, signal)
    }
  }
}
