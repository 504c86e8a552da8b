import {
  EXECUTION_STATES,
  type Execution,
  type ExecutionState,
  isFinalExecutionState,
  type RunOutput,
} from '@bacalhau/models'
import { BacalhauError } from '../runtime/error.ts'
import type { LogChunk, LogSelection } from '../link/logs.ts'

/** Reads the output of an execution at a node, wherever that is. `ended`: of one that has ended, what is kept of it here. */
export type LogRoutes = (
  nodeId: string,
  request: LogSelection & { readonly executionId: string },
  signal: AbortSignal,
  ended?: RunOutput,
) => AsyncIterable<LogChunk>

/** What is kept here of the output of an execution that has ended. */
export function endedOutput({ ComputeState, RunOutput }: Execution): RunOutput | undefined {
  return isFinalExecutionState(ComputeState.StateType as ExecutionState) ? (RunOutput ?? undefined) : undefined
}

/** The named execution, or the one that started last among those that a node took; undefined while there is none. */
export function chooseExecution(
  executions: readonly Execution[],
  executionId: string | undefined,
): Execution | undefined {
  if (executionId !== undefined) {
    const found = executions.filter(({ ID }) => ID.startsWith(executionId))
    return found.length === 1 && found[0] !== undefined && wasTaken(found[0]) ? found[0] : undefined
  }
  return executions
    .filter(wasTaken)
    .toSorted((a, b) => a.ModifyTime - b.ModifyTime)
    .at(-1)
}

function wasTaken(execution: Execution): boolean {
  const state = execution.ComputeState.StateType as ExecutionState
  if (state === EXECUTION_STATES.AskForBidRejected) return false
  return isFinalExecutionState(state) || state >= EXECUTION_STATES.BidAccepted
}

export function noExecution(jobId: string, executionId: string | undefined): BacalhauError {
  return executionId === undefined
    ? new BacalhauError('NotFound', `no executions found for job ${jobId}`)
    : new BacalhauError('NotFound', `unable to find execution ${executionId} of job ${jobId}`)
}
