import type {
  Execution,
  GetJobResponse,
  Job,
  JobHistory,
  Page,
  RerunJobResponse,
  SpecConfig,
  StopJobResponse,
} from '@bacalhau/models'
import { type ClientEvent, type EventOptions, readJobEvents } from './events.ts'
import { job, jobAnswer, type JobOptions, jobPath, JOBS_PATH } from './job-address.ts'
import type { LogPart } from './log-socket.ts'
import { type LogOptions, readLogs } from './logs.ts'
import { itemsOf } from './pages.ts'
import { pageOf, shaped } from './shape.ts'
import { createSubmission, type Submission } from './submission.ts'
import type { CallOptions, Transport } from './transport.ts'
import { type ChangeOptions, waitForAll, type WaitOptions, waitForChange } from './wait.ts'

export interface ListJobsOptions extends CallOptions {
  /** Only of this namespace. By default, and with `*`, of all that the caller may see. */
  readonly namespace?: string
  /** Only jobs whose labels fit this selector, as Kubernetes writes it: `env=dev,tier in (a,b),!old`. */
  readonly labels?: string
  /** Moment of creation by default. */
  readonly orderBy?: 'created_at' | 'modified_at'
  /** Newest first. */
  readonly reverse?: boolean
  readonly limit?: number
  readonly nextToken?: string
}

/** Which version of a job; the newest by default. */
export interface VersionOptions extends JobOptions {
  readonly version?: number
}

/** What belongs to the newest version of a job, to another one, or to all. */
export interface VersionedOptions extends VersionOptions {
  readonly allVersions?: boolean
}

export interface GetJobOptions extends VersionOptions {
  readonly include?: readonly ('history' | 'executions')[]
}

export interface ListExecutionsOptions extends VersionedOptions {
  /** In the order of placement by default. */
  readonly orderBy?: 'created_at' | 'modified_at'
  readonly reverse?: boolean
  /** At most this many; by default, and at most, a thousand. */
  readonly limit?: number
  readonly nextToken?: string
}

export interface HistoryOptions extends VersionedOptions {
  readonly limit?: number
  readonly nextToken?: string
  readonly type?: 'all' | 'job' | 'execution'
  readonly executionId?: string
  /** Seconds since 1970; only what happened then or later. */
  readonly since?: number
}

/** Everything about jobs. `id` is a full id, the unique beginning of one, or a job's name. */
export interface Jobs extends Submission {
  /** Runs a job once more as its next version, with the spec of `version`. */
  rerun(id: string, options?: VersionOptions): Promise<RerunJobResponse>
  /** All versions of a job, oldest first, each with the state in which it ended. */
  versions(id: string, options?: JobOptions): Promise<readonly Job[]>
  get(id: string, options?: GetJobOptions): Promise<GetJobResponse>
  list(options?: ListJobsOptions): Promise<Page<Job>>
  /** All jobs that fit, however many pages they are; `limit` is that of one page. */
  all(options?: Omit<ListJobsOptions, 'nextToken'>): AsyncIterable<Job>
  /** A page of executions. */
  listExecutions(id: string, options?: ListExecutionsOptions): Promise<Page<Execution>>
  /** All executions, however many pages they are. */
  executions(id: string, options?: VersionedOptions): Promise<readonly Execution[]>
  /** A page of events; its token is empty once the job has ended and everything was delivered. */
  history(id: string, options?: HistoryOptions): Promise<Page<JobHistory>>
  results(id: string, options?: JobOptions): Promise<readonly SpecConfig[]>
  stop(id: string, reason: string, options?: JobOptions): Promise<StopJobResponse>
  /** The job once it is past `revision` or has ended; after `seconds`, by default 30, as it then is. */
  waitForChange(id: string, revision: number, options?: ChangeOptions): Promise<Job>
  /** The job once it has ended, in whatever way. */
  wait(id: string, options?: WaitOptions): Promise<Job>
  /** All of these jobs, in their order, once each of them has ended. One connection is held, however many jobs it are. */
  waitAll(ids: readonly string[], options?: WaitOptions): Promise<readonly Job[]>
  /** Changes of jobs as they happen. */
  events(options?: EventOptions): AsyncIterable<ClientEvent>
  /** Output, from the beginning unless `tail`, up to now unless `follow`. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogPart>
}

const rerunAnswer = shaped<RerunJobResponse>({ JobID: 'string', JobVersion: 'number' })
const stopped = shaped<StopJobResponse>({ EvaluationID: 'string' })
const execution = shaped<Execution>({ ID: 'string', ComputeState: 'object' })
const event = shaped<JobHistory>({ SeqNum: 'number', Event: 'object' })
const result = shaped<SpecConfig>({ Type: 'string' })

export function createJobs(transport: Transport): Jobs {
  const waitAll: Jobs['waitAll'] = (ids, options = {}) => waitForAll(transport, ids, options)
  return {
    ...createSubmission(transport),
    ...createListings(transport),
    rerun: (id, { namespace, version, ...call } = {}) =>
      transport.ask('PUT', jobPath(id, '/rerun'), rerunAnswer, {
        json: { Namespace: namespace, JobVersion: version },
        ...call,
      }),
    stop: (id, reason, { namespace, ...call } = {}) =>
      transport.ask('DELETE', jobPath(id), stopped, {
        json: { Namespace: namespace, reason },
        repeatable: true,
        ...call,
      }),
    waitForChange: (id, revision, options) => waitForChange(transport, id, revision, options),
    async wait(id, options) {
      const [ended] = await waitAll([id], options)
      if (ended === undefined) throw new Error(`no job came of ${id}`)
      return ended
    },
    waitAll,
    events: (options) => readJobEvents(transport, options),
    logs: (id, options = {}) => readLogs(transport, id, options),
  }
}

type Listings = Pick<
  Jobs,
  'get' | 'list' | 'all' | 'versions' | 'listExecutions' | 'executions' | 'history' | 'results'
>

function createListings(transport: Transport): Listings {
  const list: Jobs['list'] = ({ namespace, labels, orderBy, reverse, limit, nextToken, ...call } = {}) =>
    transport.ask('GET', JOBS_PATH, pageOf(job), {
      query: { namespace, labels, order_by: orderBy, reverse, limit, next_token: nextToken },
      ...call,
    })
  const all: Jobs['all'] = (options = {}) =>
    itemsOf((nextToken) => list({ ...options, ...(nextToken === undefined ? {} : { nextToken }) }))
  const get: Jobs['get'] = async (id, { namespace, version, include = [], ...call } = {}) => {
    const words = include.length === 0 ? undefined : include.join(',')
    const query = { namespace, include: words, job_version: version }
    const answer = await transport.ask('GET', jobPath(id), jobAnswer, { query, ...call })
    return { ...answer, Job: job(answer.Job) }
  }
  return { get, list, all, ...createVersionedListings(transport) }
}

function createVersionedListings(transport: Transport): Omit<Listings, 'get' | 'list' | 'all'> {
  const listExecutions: Jobs['listExecutions'] = (id, options = {}) => {
    const { namespace, version, allVersions, orderBy, reverse, limit, nextToken, ...call } = options
    return transport.ask('GET', jobPath(id, '/executions'), pageOf(execution), {
      query: {
        ...versionQuery({ namespace, version, allVersions }),
        order_by: orderBy,
        reverse,
        limit,
        next_token: nextToken,
      },
      ...call,
    })
  }
  return {
    versions: async (id, { namespace, ...call } = {}) =>
      (await transport.ask('GET', jobPath(id, '/versions'), pageOf(job), { query: { namespace }, ...call })).Items,
    listExecutions,
    executions: (id, options = {}) =>
      Array.fromAsync(
        itemsOf((nextToken) => listExecutions(id, { ...options, ...(nextToken === undefined ? {} : { nextToken }) })),
      ),
    history: (id, options = {}) => {
      const { namespace, version, allVersions, limit, nextToken, type, executionId, since, ...call } = options
      return transport.ask('GET', jobPath(id, '/history'), pageOf(event), {
        query: {
          ...versionQuery({ namespace, version, allVersions }),
          limit,
          next_token: nextToken,
          event_type: type,
          execution_id: executionId,
          since,
        },
        ...call,
      })
    },
    results: async (id, { namespace, ...call } = {}) =>
      (await transport.ask('GET', jobPath(id, '/results'), pageOf(result), { query: { namespace }, ...call })).Items,
  }
}

interface VersionChoice {
  readonly namespace: string | undefined
  readonly version: number | undefined
  readonly allVersions: boolean | undefined
}

const versionQuery = ({ namespace, version, allVersions }: VersionChoice) => ({
  namespace,
  job_version: version,
  all_job_versions: allVersions,
})
