import { type Execution, executionStateName, type ExecutionState } from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatTable } from '../terminal/table.ts'
import { formatAgo, fromNanoseconds } from '../terminal/time.ts'
import { shortId } from './short-id.ts'

const COLUMNS = ['EXECUTION', 'PART', 'NODE', 'STATE', 'EXIT', 'CREATED', 'RESULT'].map((title) => ({ title }))

/** Executions as a table: the result where there is one, else the reason for the state. */
export function executionTable(executions: readonly Execution[], now: number, style: Style): string {
  return formatTable(
    COLUMNS,
    executions.map((execution) => [
      shortId(execution.ID),
      String(execution.PartitionIndex),
      shortId(execution.NodeID),
      paintState(executionStateName(execution.ComputeState.StateType as ExecutionState), style),
      execution.RunOutput === null ? '' : String(execution.RunOutput.ExitCode),
      formatAgo(fromNanoseconds(execution.CreateTime), now),
      plainLine(resultOf(execution)),
    ]),
  )
}

function resultOf({ PublishedResult: { Type, Params = {} }, ComputeState }: Execution): string {
  if (Type === '') return ComputeState.Message ?? ''
  const { CID, URL } = Params
  return typeof CID === 'string' ? CID : typeof URL === 'string' ? URL : Type
}
