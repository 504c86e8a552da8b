import {
  type Execution,
  EXECUTION_STATES,
  type ExecutionState,
  isFinalExecutionState,
  type Job,
} from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import { shortId } from './short-id.ts'

/** The way of a job, as a person thinks of it. */
export type Stage = 'queued' | 'placed' | 'running' | 'publishing' | 'completed' | 'failed' | 'stopped'

export interface JobProgress {
  readonly stage: Stage
  /** What else there is to say: where, how far, or why it waits. */
  readonly detail: string
  /** Both in a few words, which do not change from second to second. */
  readonly text: string
}

/** How far an execution is before it runs, as its node says. */
const preparation = ({ ComputeState: { Details } }: Execution) =>
  Details?.['Preparing'] === undefined ? undefined : plainLine(Details['Preparing'])

const stateOf = ({ ComputeState }: Execution) => ComputeState.StateType as ExecutionState

/** What happens to a job now; with the reason when it waits. */
export function progressOfJob(job: Job, executions: readonly Execution[]): JobProgress {
  const { StateType, Message = '' } = job.State
  const reason = plainLine(Message)
  const told = (stage: Stage, words: string = stage): JobProgress => ({
    stage,
    detail: reason,
    text: reason === '' ? words : `${words}: ${reason}`,
  })
  switch (StateType) {
    case 'Undefined':
    case 'Pending':
      return { stage: 'queued', detail: '', text: 'queued' }
    case 'Queued':
      return told('queued', 'waiting for a node')
    case 'Running':
      // What the orchestrator says of a task array: how much of it is done, and why the rest waits.
      return reason === '' || executions.some(preparation)
        ? whileRunning(executions)
        : { stage: 'running', detail: reason, text: reason }
    case 'Completed':
      return { stage: 'completed', detail: '', text: 'completed' }
    case 'Failed':
      return told('failed')
    case 'Stopped':
      return told('stopped')
  }
}

function whileRunning(executions: readonly Execution[]): JobProgress {
  const active = executions.filter((candidate) => !isFinalExecutionState(stateOf(candidate)))
  const nodes = new Set(active.map(({ NodeID }) => NodeID))
  if (nodes.size > 1) return at('running', `on ${nodes.size} nodes`)
  const execution = active.at(-1)
  const done = executions.some((candidate) => stateOf(candidate) === EXECUTION_STATES.Completed)
  if (execution === undefined) {
    return done ? at('publishing', '', 'finishing') : at('queued', '', 'waiting for a node')
  }
  const node = shortId(execution.NodeID)
  switch (stateOf(execution)) {
    case EXECUTION_STATES.BidAccepted:
      return at(
        'placed',
        `on ${node}, ${preparation(execution) ?? 'preparing inputs'}`,
        `placed on ${node}, preparing inputs`,
      )
    case EXECUTION_STATES.Running:
      return at('running', `on ${node}`)
    case EXECUTION_STATES.Publishing:
      return at('publishing', `from ${node}`, `publishing results from ${node}`)
    default:
      return at('placed', `offered to ${node}`, `offered to ${node}`)
  }
}

const at = (stage: Stage, detail: string, text = `${stage} ${detail}`): JobProgress => ({ stage, detail, text })
