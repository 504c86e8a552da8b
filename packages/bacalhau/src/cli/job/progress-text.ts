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
      // What the orchestrator says of a task array: how much of it is done, and why the rest waits.
      return Message === '' ? runningText(executions) : plainLine(Message)
    case 'Completed':
      return 'completed'
    case 'Failed':
      return `failed${reason}`
    case 'Stopped':
      return `stopped${reason}`
  }
}

function runningText(executions: readonly Execution[]): string {
  const active = executions.filter((candidate) => !isFinalExecutionState(stateOf(candidate)))
  const nodes = new Set(active.map(({ NodeID }) => NodeID))
  if (nodes.size > 1) return `running on ${nodes.size} nodes`
  const execution = active.at(-1)
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
