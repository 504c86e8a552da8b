import {
  EXECUTION_STATES,
  type Execution,
  type InputSourceSpec,
  isFinalExecutionState,
  isFinalJobState,
  type SpecConfig,
  type Task,
} from '@bacalhau/models'
import { BacalhauError } from '../runtime/error.ts'
import { JOB_SOURCE, parseWantedResults, type WantedResults } from '../sources/job/params.ts'
import type { Store } from '../store/store.ts'
import { findJob, type JobRow, listExecutions } from './job-records.ts'

/** Whose results a submission may name: those of jobs in these namespaces. */
export type Readable = readonly string[] | 'all'

interface WithTasks {
  readonly Namespace: string
  readonly Tasks: Task[]
}

/** Results of one job that one input may stand for. */
const MOST_RESULTS = 100

/**
 * The spec with each input of the type `job` replaced by what that job has left: its results are inputs like any others, fixed
 * when the job is submitted, so that running it again reads the same. Results of several partitions become an input each, in
 * folders that bear the numbers of the partitions. Throws `NotFound` for a job that is not there for the caller, and `Conflict`
 * for one that has not completed.
 */
export async function withJobResults<T extends WithTasks>(spec: T, store: Store, readable: Readable): Promise<T> {
  if (!spec.Tasks.some(({ InputSources }) => InputSources.some(isJobInput))) return spec
  const change = async (input: InputSourceSpec) =>
    isJobInput(input) ? resultsFor(input, spec.Namespace, store, readable) : [input]
  const Tasks: Task[] = []
  for (const task of spec.Tasks) {
    const InputSources = (await Promise.all(task.InputSources.map(change))).flat()
    Tasks.push({ ...task, InputSources })
  }
  return { ...spec, Tasks }
}

const isJobInput = ({ Source }: InputSourceSpec): boolean => Source.Type.toLowerCase() === JOB_SOURCE

async function resultsFor(
  input: InputSourceSpec,
  namespace: string,
  store: Store,
  readable: Readable,
): Promise<InputSourceSpec[]> {
  const wanted = parseWantedResults(input.Source)
  const row = await findJob(store, wanted.JobID, namespace)
  if (readable !== 'all' && !readable.includes(row.job.Namespace)) {
    throw new BacalhauError('NotFound', `job not found: ${wanted.JobID}`, { component: 'JobStore' })
  }
  const executions = await executionsOf(row, wanted, store)
  const [only] = executions
  if (only === undefined) throw noResults(row, wanted)
  if (executions.length === 1) return [{ ...input, Source: sourceOf(only, wanted) }]
  if (executions.length > MOST_RESULTS) {
    throw new BacalhauError(
      'ValidationError',
      `the job ${row.job.ID} has results of more than ${MOST_RESULTS} partitions`,
      {
        hint: 'Name the one that is wanted with Partition.',
      },
    )
  }
  return executions.map((execution) => {
    const partition = execution.PartitionIndex
    return {
      Source: sourceOf(execution, wanted),
      Alias: input.Alias === '' ? '' : `${input.Alias}-${partition}`,
      Target: `${input.Target.replace(/\/+$/, '')}/${partition}`,
    }
  })
}

/** The executions whose results are meant, one for each partition, in their order. */
async function executionsOf(
  row: JobRow,
  { ExecutionID, Partition }: WantedResults,
  store: Store,
): Promise<Execution[]> {
  const named = ExecutionID !== undefined
  if (!named && row.job.State.StateType !== 'Completed') throw notCompleted(row)
  const { Items } = await listExecutions(store, row, {
    // An execution that somebody names may be one of an earlier version.
    version: named ? 0 : row.job.Version,
    match: ({ id, partition, result, state }) =>
      result !== undefined &&
      (named ? id.startsWith(ExecutionID) && isFinalExecutionState(state) : state === EXECUTION_STATES.Completed) &&
      (Partition === undefined || partition === Partition),
  })
  const byPartition = new Map<number, Execution>()
  for (const execution of Items) byPartition.set(execution.PartitionIndex, execution)
  if (named && Items.length > 1) {
    throw new BacalhauError('Conflict', `several executions begin with ${ExecutionID}`, { hint: 'Use more of its ID.' })
  }
  return [...byPartition.values()].toSorted((a, b) => a.PartitionIndex - b.PartitionIndex)
}

/** Content by CID is an input that any node can have; for what other publishers leave, a node needs to know how. */
function sourceOf({ JobID, ID, PublishedResult }: Execution, { Path }: WantedResults): SpecConfig {
  const inner = Path === undefined || Path === '' ? {} : { Path }
  const { Type, Params } = PublishedResult
  const cid = Type.toLowerCase() === 'ipfs' ? Params?.['CID'] : undefined
  if (typeof cid === 'string') return { Type: 'ipfs', Params: { CID: cid, ...inner } }
  return { Type: JOB_SOURCE, Params: { JobID, ExecutionID: ID, ...inner, Result: PublishedResult } }
}

function notCompleted({ job }: JobRow): BacalhauError {
  const { StateType } = job.State
  const ended = isFinalJobState(StateType)
  return new BacalhauError('Conflict', `the job ${job.ID} is ${StateType}, and its results are an input of this one`, {
    hint: ended
      ? 'What one of its executions has left all the same can be had by the ExecutionID.'
      : 'Submit this job when that one has completed.',
  })
}

function noResults({ job }: JobRow, { ExecutionID, Partition }: WantedResults): BacalhauError {
  const part =
    ExecutionID === undefined ? (Partition === undefined ? '' : ` of partition ${Partition}`) : ` of ${ExecutionID}`
  return new BacalhauError('NotFound', `the job ${job.ID} has left no results${part}`, {
    hint: 'Results are kept only where the job names a publisher.',
  })
}
