import type { LogChunk, LogSelection, LogPlace } from '../link/logs.ts'
import type { Constraint, Execution, Job, JobHistory, NodeState, Page, SpecConfig, Submission } from '@bacalhau/models'
import type { Change, ChangesQuery } from './feed/change.ts'
import type { Readable } from './job-inputs.ts'
import type { Once } from './receipts.ts'
import type { Run } from './run.ts'

export type { Change, ChangesQuery, LogChunk, LogPlace, Once }

export interface ListJobsQuery {
  /** Only jobs of this namespace; `*` or absent means all. */
  readonly namespace?: string
  /** Only jobs of one of these namespaces; absent means all. */
  readonly namespaces?: readonly string[]
  /** Only jobs whose labels satisfy all of these. */
  readonly labels?: readonly Constraint[]
  /** By time of creation or of the last change; the former where absent. */
  readonly order?: 'created_at' | 'modified_at'
  /** At most this many, 0 or absent means a default page. */
  readonly limit?: number
  /** Continues the listing that returned it, in its order and with its limit. Opaque. */
  readonly nextToken?: string
  /** Newest first instead of oldest first. */
  readonly reverse?: boolean
}

export interface ListExecutionsQuery {
  /** At most this many, 0 or absent means as many as there may be in one answer. */
  readonly limit?: number
  readonly nextToken?: string
  /** Of this version of the job; absent the newest, 0 all. */
  readonly version?: number
  readonly match?: (run: Run) => boolean
}

export interface SubmitOptions {
  /** Make a new version also where nothing differs. */
  readonly force?: boolean
  readonly once?: Once
  /** Namespaces whose jobs' results may be inputs of this one; all of them where absent. */
  readonly readable?: Readable
}

export interface LogQuery extends Partial<LogSelection> {
  /** One execution; else the newest one of the job. */
  readonly executionId?: string
  /** Only of this version of the job; absent or 0: of any. */
  readonly version?: number
}

/** One field that a change would touch. */
export interface JobDifference {
  readonly path: string
  readonly old: unknown
  readonly new: unknown
}

/**
 * What an orchestrator does for its users. `idOrName` is a job's name in `namespace` (default `default`), its full id, or a
 * unique beginning of its id; every method that takes one throws `NotFound` or, when several jobs match, `Conflict`. Every
 * change is durable when its promise resolves; it rejects with `DiskFull` or the like when it could not be written yet.
 */
export interface Orchestrator {
  /**
   * Records the job durably, then returns it. A job with the name of one that is there becomes its next version; `Conflict`
   * when it asks for nothing new, unless `force`. Submitted again with the same `once`, for 24 hours, it changes nothing and
   * answers as the first time; `IdempotencyKeyReused` when the submission differs. Several submissions at once get their
   * places in the order of the calls and share one write to the disk.
   */
  submit(submission: Submission, options?: SubmitOptions): Promise<Job>
  /** What `submit` would change of the job that bears the name, if any. */
  diff(submission: Submission, options?: Pick<SubmitOptions, 'readable'>): Promise<readonly JobDifference[]>
  /** Runs a job once more, as a new version with the spec of `version` (default: the newest). Throws `Conflict` while it waits. */
  rerun(idOrName: string, version?: number, namespace?: string): Promise<Job>
  /** The job as it is now, or as an earlier version. */
  getJob(idOrName: string, namespace?: string, version?: number): Promise<Job>
  /** All versions, oldest first. */
  versions(idOrName: string, namespace?: string): Promise<readonly Job[]>
  listJobs(query: ListJobsQuery): Promise<Page<Job>>
  /** Executions of the newest version, as many as one answer may have. */
  executions(idOrName: string, namespace?: string): Promise<readonly Execution[]>
  listExecutions(idOrName: string, query: ListExecutionsQuery, namespace?: string): Promise<Page<Execution>>
  /** Events of a job with `SeqNum` above `after`, oldest first, at most `limit`. */
  history(idOrName: string, after: number, limit: number, namespace?: string): Promise<readonly JobHistory[]>
  /** Stops a job that has not ended. Stopping a stopped job does nothing; a completed or failed one throws `Conflict`. */
  stopJob(idOrName: string, reason: string, namespace?: string): Promise<Job>
  /** Resolves with the job as soon as its `Revision` is above `revision` or it has ended. Rejects when `signal` aborts. */
  waitForChange(idOrName: string, revision: number, signal: AbortSignal, namespace?: string): Promise<Job>
  /**
   * What changes from now on, or has changed since `query.after`, many at a time. When there is nothing to tell for
   * `LIMITS.eventBeat`, it gives nothing at all, as a sign of life. Ends by throwing the reason of `signal`.
   */
  changes(query: ChangesQuery, signal: AbortSignal): AsyncIterable<readonly Change[]>
  /** Where the results of the completed executions are. */
  results(idOrName: string, namespace?: string): Promise<readonly SpecConfig[]>
  /** Output of an execution, wherever it runs. Throws `NotFound` when there is none to read. */
  logs(idOrName: string, query: LogQuery, signal: AbortSignal, namespace?: string): AsyncIterable<LogChunk>
  nodes(): readonly NodeState[]
  /** A node by its id or a unique beginning of it. */
  node(id: string): NodeState
  /** Lets a node get work, or not any more: what it runs for us is run elsewhere. It lasts until it is decided otherwise. */
  approveNode(id: string, message: string): Promise<void>
  rejectNode(id: string, message: string): Promise<void>
  /** Forgets a node. It may present itself anew. */
  deleteNode(id: string): Promise<void>
}
