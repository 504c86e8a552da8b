import { setTimeout as pauseFor } from 'node:timers/promises'
import { ApiError, type Client } from '@bacalhau/client'
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
  /** Called each time that the node does not answer. */
  readonly onLost: () => Promise<void>
  readonly signal: AbortSignal
  /** Waits some milliseconds. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Milliseconds between two questions to a server that does not wait for changes, or that does not answer. */
const PAUSE = 1_000
/** A node that restarts is back by then; the job does not depend on us. */
const TRIES = 60

/**
 * Follows a job to its end, without polling: the node answers when something has changed. A node that does not answer is asked
 * again for a minute.
 */
export async function watchJob(client: Client, id: string, options: WatchOptions): Promise<Snapshot> {
  const {
    namespace,
    onChange,
    signal,
    pause = (milliseconds) => pauseFor(milliseconds, undefined, { signal }),
  } = options
  for (;;) {
    const { Job: job, Executions } = await patiently(
      () => client.jobs.get(id, { namespace, include: ['executions'], signal }),
      { ...options, pause },
    )
    const snapshot = { job, executions: Executions?.Items ?? [] }
    await onChange(snapshot)
    if (isFinalJobState(job.State.StateType)) return snapshot
    const asked = performance.now()
    const next = await patiently(() => client.jobs.waitForChange(job.ID, job.Revision, { namespace, signal }), {
      ...options,
      pause,
    })
    // A server that answers at once without a change does not know how to wait.
    if (next.Revision === job.Revision && performance.now() - asked < PAUSE) await pause(PAUSE, signal)
  }
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
