import path from 'node:path'
import { type Execution, EXECUTION_STATES } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import type { Download } from '../transfer/download.ts'
import type { JobWithExecutions } from './watch-job.ts'

/** The published result of one partition. */
export interface Result {
  readonly execution: Execution
  readonly cid: string
  /** The execution did not complete; this is what it had written. */
  readonly partial: boolean
}

/**
 * The results that can be fetched, by partition: of the execution that completed, else of the newest one that left some.
 * Results that are published elsewhere than in IPFS have no CID and are not among them.
 */
export function resultsOf({ executions }: Pick<JobWithExecutions, 'executions'>): Result[] {
  const best = new Map<number, Result>()
  for (const execution of executions.toSorted((a, b) => a.ModifyTime - b.ModifyTime)) {
    const cid = cidOf(execution)
    const partial = execution.ComputeState.StateType !== EXECUTION_STATES.Completed
    const known = best.get(execution.PartitionIndex)
    if (cid !== undefined && !(partial && known?.partial === false)) {
      best.set(execution.PartitionIndex, { execution, cid, partial })
    }
  }
  return [...best.values()].toSorted((a, b) => a.execution.PartitionIndex - b.execution.PartitionIndex)
}

function cidOf({ PublishedResult: { Type, Params } }: Execution): string | undefined {
  const cid = Type.toLowerCase() === 'ipfs' ? Params?.['CID'] : undefined
  return typeof cid === 'string' ? cid : undefined
}

/**
 * What to fetch, and where to: the result itself, or a folder per partition when there are several. `inner` is a path inside
 * the result. Throws `NotFound` when there is nothing to fetch, and says why.
 */
export function downloadsOf({ job, executions }: JobWithExecutions, inner: string, folder: string): Download[] {
  const results = resultsOf({ executions })
  if (results.length === 0) throw nothingToFetch({ job, executions })
  return results.map(({ cid, execution }) => {
    const place = job.Count > 1 ? path.join(folder, String(execution.PartitionIndex)) : folder
    if (inner === '') return { source: cid, target: place }
    return { source: `${cid}/${inner}`, target: path.join(place, path.posix.basename(inner)) }
  })
}

/** The same, each result in a folder that is named after its execution, below `raw`. */
export function rawDownloadsOf(job: JobWithExecutions, inner: string, folder: string): Download[] {
  const items = downloadsOf(job, inner, folder)
  return resultsOf(job).flatMap(({ execution }, index) => {
    const item = items[index]
    return item === undefined ? [] : [{ ...item, target: path.join(folder, 'raw', execution.ID) }]
  })
}

function nothingToFetch({ job, executions }: JobWithExecutions): BacalhauError {
  const state = job.State.StateType
  const elsewhere = executions.find(({ PublishedResult }) => PublishedResult.Type !== '')?.PublishedResult
  if (elsewhere !== undefined) {
    return new BacalhauError('NotFound', `the results were published to ${elsewhere.Type}, not to IPFS`, {
      hint: `Fetch them from there: ${JSON.stringify(elsewhere)}`,
    })
  }
  const publisher = job.Tasks[0]?.Publisher.Type ?? ''
  const hint =
    publisher === ''
      ? 'The job names no publisher, so its results were not kept.'
      : `See \`bacalhau job describe ${job.ID}\`.`
  return new BacalhauError('NotFound', `no results: the job is ${state.toLowerCase()}`, { hint })
}
