import path from 'node:path'
import { type Execution, EXECUTION_STATES, type SpecConfig } from '@bacalhau/models'
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
export function resultsOf(snapshot: Pick<JobWithExecutions, 'executions'>): Result[] {
  return bestOf(snapshot, cidOf).map(({ published, ...result }) => ({ ...result, cid: published }))
}

/** The same of whatever can be fetched: from IPFS by a CID, from elsewhere as what its publisher left. */
export function fetchableOf(snapshot: Pick<JobWithExecutions, 'executions'>) {
  return bestOf<string | SpecConfig>(snapshot, (execution) => cidOf(execution) ?? archiveOf(execution))
}

interface Best<T> extends Omit<Result, 'cid'> {
  readonly published: T
}

function bestOf<T>(
  { executions }: Pick<JobWithExecutions, 'executions'>,
  publishedBy: (execution: Execution) => T | undefined,
): Best<T>[] {
  const best = new Map<number, Best<T>>()
  for (const execution of executions.toSorted((a, b) => a.ModifyTime - b.ModifyTime)) {
    const published = publishedBy(execution)
    const partial = execution.ComputeState.StateType !== EXECUTION_STATES.Completed
    const known = best.get(execution.PartitionIndex)
    if (published !== undefined && !(partial && known?.partial === false)) {
      best.set(execution.PartitionIndex, { execution, published, partial })
    }
  }
  return [...best.values()].toSorted((a, b) => a.execution.PartitionIndex - b.execution.PartitionIndex)
}

const ELSEWHERE: readonly string[] = ['urldownload', 's3', 's3managed']

const archiveOf = ({ PublishedResult }: Execution): SpecConfig | undefined =>
  ELSEWHERE.includes(PublishedResult.Type.toLowerCase()) ? PublishedResult : undefined

function cidOf({ PublishedResult: { Type, Params } }: Execution): string | undefined {
  const cid = Type.toLowerCase() === 'ipfs' ? Params?.['CID'] : undefined
  return typeof cid === 'string' ? cid : undefined
}

/**
 * What to fetch, and where to: the result itself, or a folder per partition when there are several. `inner` is a path inside
 * the result. Throws `NotFound` when there is nothing to fetch, and says why.
 */
export function downloadsOf({ job, executions }: JobWithExecutions, inner: string, folder: string): Download[] {
  const results = fetchableOf({ executions })
  if (results.length === 0) throw nothingToFetch({ job, executions })
  return results.map(({ published, execution }) => {
    const place = job.Count > 1 ? path.join(folder, String(execution.PartitionIndex)) : folder
    const source = typeof published !== 'string' ? { published, inner } : [published, inner].filter(Boolean).join('/')
    return { source, target: inner === '' ? place : path.join(place, path.posix.basename(inner)) }
  })
}

/** The same, each result in a folder that is named after its execution, below `raw`. */
export function rawDownloadsOf(job: JobWithExecutions, inner: string, folder: string): Download[] {
  const items = downloadsOf(job, inner, folder)
  return fetchableOf(job).flatMap(({ execution }, index) => {
    const item = items[index]
    return item === undefined ? [] : [{ ...item, target: path.join(folder, 'raw', execution.ID) }]
  })
}

function nothingToFetch({ job, executions }: JobWithExecutions): BacalhauError {
  const state = job.State.StateType
  const elsewhere = executions.find(({ PublishedResult }) => PublishedResult.Type !== '')?.PublishedResult
  if (elsewhere !== undefined) {
    return new BacalhauError(
      'NotFound',
      `the results were published to ${elsewhere.Type}, which cannot be fetched from`,
      {
        hint: `Fetch them from there: ${JSON.stringify(elsewhere)}`,
      },
    )
  }
  const publisher = job.Tasks[0]?.Publisher.Type ?? ''
  const hint =
    publisher === ''
      ? 'The job names no publisher, so its results were not kept.'
      : `See \`bacalhau job describe ${job.ID}\`.`
  return new BacalhauError('NotFound', `no results: the job is ${state.toLowerCase()}`, { hint })
}
