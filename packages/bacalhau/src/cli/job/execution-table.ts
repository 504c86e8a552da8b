import { type Execution, executionStateName, type ExecutionState } from '@bacalhau/models'
import { column, type TableColumn, wideColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import { fromNanoseconds } from '../terminal/time.ts'

const created = column<Execution>('CREATED', (execution, look) => look.time(fromNanoseconds(execution.CreateTime)))
const modified = column<Execution>('MODIFIED', (execution, look) => look.time(fromNanoseconds(execution.ModifyTime)))
const id = column<Execution>('ID', (execution, look) => look.id(execution.ID))
const node = column<Execution>('NODE ID', (execution, look) => look.id(execution.NodeID))
const revision = column<Execution>('REV.', (execution) => String(execution.Revision))
const state = column<Execution>('STATE', ({ ComputeState }, look) =>
  paintState(executionStateName(ComputeState.StateType as ExecutionState), look.style),
)
const desired = column<Execution>('DESIRED', ({ DesiredState }) => desiredName(DesiredState.StateType))

/** What `job executions` shows. */
export const EXECUTION_COLUMNS: readonly TableColumn<Execution>[] = [
  created,
  modified,
  id,
  column('JOB VERSION', (execution) => String(execution.JobVersion)),
  node,
  revision,
  state,
  desired,
  wideColumn('PART', (execution) => String(execution.PartitionIndex)),
  wideColumn('EXIT', exitCode),
  wideColumn('RESULT', commentOf),
]

/** What `job describe` shows of the same. */
export const DESCRIBED_EXECUTION_COLUMNS: readonly TableColumn<Execution>[] = [
  id,
  node,
  state,
  desired,
  revision,
  created,
  modified,
  column('EXIT', exitCode),
  column('COMMENT', commentOf),
]

/** Desired states of an execution, by their number on the wire. */
const DESIRED = ['Pending', 'Running', 'Stopped']
const desiredName = (state: number) => DESIRED[state] ?? String(state)

function exitCode({ RunOutput }: Execution): string {
  return RunOutput === null ? '' : String(RunOutput.ExitCode)
}

/** The result where there is one, else the reason for the state. */
function commentOf({ PublishedResult: { Type, Params = {} }, ComputeState }: Execution): string {
  if (Type === '') return plainLine(ComputeState.Message ?? '')
  const { CID, URL } = Params
  return plainLine(typeof CID === 'string' ? CID : typeof URL === 'string' ? URL : Type)
}
