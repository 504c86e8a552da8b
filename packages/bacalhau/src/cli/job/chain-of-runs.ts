import type { Client } from '@bacalhau/client'
import {
  type Execution,
  EXECUTION_STATES,
  type ExecutionState,
  isFinalExecutionState,
  isFinalJobState,
  type Job,
} from '@bacalhau/models'

/** A job that is looked at until something has happened. */
export interface Looking {
  readonly client: Client
  readonly id: string
  readonly namespace: string | undefined
  readonly signal: AbortSignal
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Seconds for which one question for a change is held. Executions may change without the job. */
const HELD = 1
/** Milliseconds between two looks at a server that does not wait for changes. */
const PAUSE = 1_000

const stateOf = ({ ComputeState }: Execution) => ComputeState.StateType as ExecutionState

/** Did a node take it on? Others have no output. */
function wasTaken(execution: Execution): boolean {
  const state = stateOf(execution)
  return (
    state !== EXECUTION_STATES.AskForBidRejected &&
    (isFinalExecutionState(state) || state >= EXECUTION_STATES.BidAccepted)
  )
}

/** The execution that changed last, of those that a node took. */
export const latestTaken = (executions: readonly Execution[]): Execution | undefined =>
  executions
    .filter(wasTaken)
    .toSorted((a, b) => a.ModifyTime - b.ModifyTime)
    .at(-1)

/** The execution that changed last, of those that a node took; while there is none, waits for one if `wait`. */
export function latestRun(looking: Looking, wait: boolean): Promise<Execution | undefined> {
  return look(looking, ({ State }, executions) => {
    const run = latestTaken(executions)
    return run !== undefined || !wait || isFinalJobState(State.StateType) ? { found: run } : undefined
  })
}

export interface Takeover {
  readonly replaced: Execution
  readonly by: Execution
}

/**
 * The execution that does the work of `run`, whose output has ended, once more: when it failed, or its node was lost. Waits until
 * there is one; undefined when there will be none.
 */
export function successorOf(looking: Looking, run: Execution): Promise<Takeover | undefined> {
  return look(looking, (job, executions) => {
    const replaced = executions.find(({ ID }) => ID === run.ID) ?? run
    const by = executions
      .filter((other) => wasTaken(other) && isLater(other, run) && isSamePlace(job, other, run))
      .at(-1)
    if (by !== undefined) return { found: { replaced, by } }
    const endless = job.Type === 'service' || job.Type === 'daemon'
    const good = stateOf(replaced) === EXECUTION_STATES.Publishing || stateOf(replaced) === EXECUTION_STATES.Completed
    return isFinalJobState(job.State.StateType) || (good && !endless) ? { found: undefined } : undefined
  })
}

const isLater = (one: Execution, other: Execution) => one.ID !== other.ID && one.CreateTime >= other.CreateTime

/** A batch is made of partitions, a daemon of nodes. */
const isSamePlace = ({ Type }: Job, one: Execution, other: Execution) =>
  Type === 'batch' || Type === 'service' ? one.PartitionIndex === other.PartitionIndex : one.NodeID === other.NodeID

type Verdict<T> = (job: Job, executions: readonly Execution[]) => { readonly found: T } | undefined

/** Looks at the job again after each change until there is a verdict. */
async function look<T>({ client, id, namespace, signal, pause }: Looking, judge: Verdict<T>): Promise<T> {
  const where = namespace === undefined ? { signal } : { namespace, signal }
  let { Job: job } = await client.jobs.get(id, where)
  for (;;) {
    const verdict = judge(job, await client.jobs.executions(job.ID, where))
    if (verdict !== undefined) return verdict.found
    const asked = performance.now()
    const next = await client.jobs.waitForChange(job.ID, job.Revision, { ...where, seconds: HELD })
    if (next.Revision === job.Revision && performance.now() - asked < PAUSE) await pause(PAUSE, signal)
    job = next
  }
}
