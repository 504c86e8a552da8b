import type { LogChunk } from '../link/logs.ts'
import type { Execution, Job, JobHistory, NodeState, Page, SpecConfig, Submission } from '@bacalhau/models'

export type { LogChunk }

export interface ListJobsQuery {
  /** Only jobs of this namespace; `*` or absent means all. */
  readonly namespace?: string
  /** At most this many, 0 or absent means a default page. */
  readonly limit?: number
  /** Continues the listing that returned it. Opaque. */
  readonly nextToken?: string
  /** Newest first instead of oldest first. */
  readonly reverse?: boolean
}

export interface LogQuery {
  /** One execution; else the newest one of the job. */
  readonly executionId?: string
  /** Go on with new output until the execution ends. */
  readonly follow?: boolean
  /** Only output from now on. */
  readonly tail?: boolean
}

/**
 * What an orchestrator does for its users. `idOrName` is a job's name in `namespace` (default `default`), its full id, or a
 * unique beginning of its id; every method that takes one throws `NotFound` or, when several jobs match, `Conflict`.
 */
export interface Orchestrator {
  /** Records the job durably, then returns it. A job that can never run here is recorded and fails at once. */
  submit(submission: Submission): Promise<Job>
  getJob(idOrName: string, namespace?: string): Promise<Job>
  listJobs(query: ListJobsQuery): Promise<Page<Job>>
  executions(idOrName: string, namespace?: string): Promise<readonly Execution[]>
  /** Events of a job with `SeqNum` above `after`, oldest first, at most `limit`. */
  history(idOrName: string, after: number, limit: number, namespace?: string): Promise<readonly JobHistory[]>
  /** Stops a job that has not ended. Stopping a stopped job does nothing; a completed or failed one throws `Conflict`. */
  stopJob(idOrName: string, reason: string, namespace?: string): Promise<Job>
  /** Resolves with the job as soon as its `Revision` is above `revision` or it has ended. Rejects when `signal` aborts. */
  waitForChange(idOrName: string, revision: number, signal: AbortSignal, namespace?: string): Promise<Job>
  /** Where the results of the completed executions are. */
  results(idOrName: string, namespace?: string): Promise<readonly SpecConfig[]>
  /** Output of an execution, wherever it runs. Throws `NotFound` when there is none to read. */
  logs(idOrName: string, query: LogQuery, signal: AbortSignal, namespace?: string): AsyncIterable<LogChunk>
  nodes(): readonly NodeState[]
  /** A node by its id or a unique beginning of it. */
  node(id: string): NodeState
}
