import {
  type Execution,
  EXECUTION_STATES,
  type ExecutionState,
  isFinalExecutionState,
  type Job,
} from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import { shortId } from './short-id.ts'

const stateOf = ({ ComputeState }: Execution) => ComputeState.StateType as ExecutionState

/** What happens to a job now, in a few words; with the reason when it waits. */
export function progressText(job: Job, executions: readonly Execution[]): string {
  const { StateType, Message = '' } = job.State
  const reason = Message === '' ? '' : `: ${plainLine(Message)}`
  switch (StateType) {
    case 'Undefined':
    case 'Pending':
      return 'queued'
    case 'Queued':
      return `waiting for a node${reason}`
    case 'Running':
      return job.Count > 1 ? severalText(job, executions) : oneText(executions)
    case 'Completed':
      return 'completed'
    case 'Failed':
      return `failed${reason}`
    case 'Stopped':
      return `stopped${reason}`
  }
}

function oneText(executions: readonly Execution[]): string {
  const execution = executions.findLast((candidate) => !isFinalExecutionState(stateOf(candidate)))
  const done = executions.some((candidate) => stateOf(candidate) === EXECUTION_STATES.Completed)
  if (execution === undefined) return done ? 'finishing' : 'waiting for a node'
  const node = shortId(execution.NodeID)
  switch (stateOf(execution)) {
    case EXECUTION_STATES.BidAccepted:
      return `placed on ${node}, preparing inputs`
    case EXECUTION_STATES.Running:
      return `running on ${node}`
    case EXECUTION_STATES.Publishing:
      return `publishing results from ${node}`
    default:
      return `offered to ${node}`
  }
}

function severalText({ Count }: Job, executions: readonly Execution[]): string {
  const count = (state: ExecutionState) => executions.filter((execution) => stateOf(execution) === state).length
  const completed = count(EXECUTION_STATES.Completed)
  const active = executions.filter((execution) => !isFinalExecutionState(stateOf(execution))).length
  const parts = [
    `${completed} of ${Count} completed`,
    ...some(count(EXECUTION_STATES.Running), 'running'),
    ...some(count(EXECUTION_STATES.Publishing), 'publishing'),
    ...some(Math.max(0, Count - completed - active), 'waiting'),
  ]
  return parts.join(', ')
}

const some = (count: number, what: string) => (count === 0 ? [] : [`${count} ${what}`])
