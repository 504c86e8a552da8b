import type {
  DiffJobResponse,
  Execution,
  GetJobResponse,
  Job,
  JobHistory,
  Page,
  PutJobResponse,
  RerunJobResponse,
  SpecConfig,
} from '@bacalhau/models'
import { type LogOptions, type LogPart, type OpenSocket, readLogs } from './logs.ts'
import { pageOf, shaped } from './shape.ts'
import type { Transport } from './transport.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface JobOptions extends CallOptions {
  /** Where a job is looked up by name; `default` by default. */
  readonly namespace?: string
}

export interface ListJobsOptions extends JobOptions {
  readonly limit?: number
  readonly nextToken?: string
  /** Newest first. */
  readonly reverse?: boolean
}

export interface SubmitOptions extends JobOptions {
  /** Make a new version of the job with this name even if nothing has changed. */
  readonly force?: boolean
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
  /** At most this many; by default, and at most, a thousand. */
  readonly limit?: number
  readonly nextToken?: string
}

export interface HistoryOptions extends VersionedOptions {
  readonly limit?: number
  readonly nextToken?: string
  readonly type?: 'all' | 'job' | 'execution'
  readonly executionId?: string
}

export interface ChangeOptions extends JobOptions {
  /** Seconds after which the job is given as it then is, if nothing has changed: 1 to 60. */
  readonly seconds?: number
}

export interface WaitOptions extends JobOptions {
  /** Called with every state of the job that is seen, the first and the last included. */
  readonly onChange?: (job: Job) => void
}

/** Everything about jobs. `id` is a full id, the unique beginning of one, or a job's name. */
export interface Jobs {
  /**
   * Submits a job. One with the name of a job that is there becomes its next version; code `Conflict` when it asks for nothing
   * new, unless `force`.
   */
  submit(job: object, options?: SubmitOptions): Promise<PutJobResponse>
  /** What submitting this would change of the job with its name; code `NotFound` when there is none. */
  diff(job: object, options?: JobOptions): Promise<DiffJobResponse>
  /** Runs a job once more as its next version, with the spec of `version`. */
  rerun(id: string, options?: VersionOptions): Promise<RerunJobResponse>
  /** All versions of a job, oldest first, each with the state in which it ended. */
  versions(id: string, options?: JobOptions): Promise<readonly Job[]>
  get(id: string, options?: GetJobOptions): Promise<GetJobResponse>
  list(options?: ListJobsOptions): Promise<Page<Job>>
  /** A page of executions, in the order in which they were placed. */
  listExecutions(id: string, options?: ListExecutionsOptions): Promise<Page<Execution>>
  /** All executions, however many pages they are. */
  executions(id: string, options?: VersionedOptions): Promise<readonly Execution[]>
  /** A page of events; its token is empty once the job has ended and everything was delivered. */
  history(id: string, options?: HistoryOptions): Promise<Page<JobHistory>>
  results(id: string, options?: JobOptions): Promise<readonly SpecConfig[]>
  stop(id: string, reason: string, options?: JobOptions): Promise<void>
  /** The job once it is past `revision` or has ended; after `seconds`, by default 30, as it then is. */
  waitForChange(id: string, revision: number, options?: ChangeOptions): Promise<Job>
  /** The job once it has ended. */
  wait(id: string, options?: WaitOptions): Promise<Job>
  /** Output, from the beginning unless `tail`, up to now unless `follow`. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogPart>
}

const PATH = '/api/v1/orchestrator/jobs'
/** Seconds for which one request for a change is held. */
const POLL_SECONDS = 30
/** A server that answers at once without a change does not know how to wait. Milliseconds between questions to such a one. */
const POLL_PAUSE = 500

const job = shaped<Job>({ ID: 'string', State: 'object', Tasks: 'array', Revision: 'number' })
const jobAnswer = shaped<GetJobResponse>({ Job: 'object' })
const submitted = shaped<PutJobResponse>({ JobID: 'string' })
const rerunAnswer = shaped<RerunJobResponse>({ JobID: 'string', JobVersion: 'number' })
const diffAnswer = shaped<DiffJobResponse>({ Diff: 'string' })
const execution = shaped<Execution>({ ID: 'string', ComputeState: 'object' })
const event = shaped<JobHistory>({ SeqNum: 'number', Event: 'object' })
const result = shaped<SpecConfig>({ Type: 'string' })
const anything = shaped<object>({})

export function createJobs(transport: Transport, open: OpenSocket): Jobs {
  const at = (id: string, rest = '') => `${PATH}/${encodeURIComponent(id)}${rest}`
  const get: Jobs['get'] = async (id, { namespace, version, include = [], signal } = {}) => {
    const words = include.length === 0 ? undefined : include.join(',')
    const query = { namespace, include: words, job_version: version }
    const answer = await transport.ask('GET', at(id), jobAnswer, { query, signal })
    return { ...answer, Job: job(answer.Job) }
  }
  const waitForChange: Jobs['waitForChange'] = async (
    id,
    revision,
    { namespace, seconds = POLL_SECONDS, signal } = {},
  ) => {
    const query = { namespace, revision, wait: seconds }
    return job((await transport.ask('GET', at(id), jobAnswer, { query, signal })).Job)
  }
  return {
    ...createSubmission(transport, at),
    ...createListings(transport, at),
    get,
    list: ({ namespace, limit, nextToken, reverse, signal } = {}) =>
      transport.ask('GET', PATH, pageOf(job), {
        query: { namespace, limit, next_token: nextToken, reverse },
        signal,
      }),
    async stop(id, reason, { namespace, signal } = {}) {
      await transport.ask('DELETE', at(id), anything, { json: { Namespace: namespace, reason }, signal })
    },
    waitForChange,
    wait: (id, options = {}) => waitForEnd({ get, waitForChange }, id, options),
    logs: (id, options = {}) => readLogs(transport, open, id, options),
  }
}

/** What makes work: submissions and the like. */
function createSubmission(
  transport: Transport,
  at: (id: string, rest: string) => string,
): Pick<Jobs, 'submit' | 'diff' | 'rerun'> {
  return {
    submit: (Job, { namespace, force, signal } = {}) =>
      transport.ask('PUT', PATH, submitted, { json: { Job, Namespace: namespace, Force: force }, signal }),
    diff: (Job, { namespace, signal } = {}) =>
      transport.ask('PUT', `${PATH}/diff`, diffAnswer, { json: { Job, Namespace: namespace }, signal }),
    rerun: (id, { namespace, version, signal } = {}) =>
      transport.ask('PUT', at(id, '/rerun'), rerunAnswer, {
        json: { Namespace: namespace, JobVersion: version },
        signal,
      }),
  }
}

/** What belongs to a job. */
function createListings(
  transport: Transport,
  at: (id: string, rest: string) => string,
): Pick<Jobs, 'versions' | 'listExecutions' | 'executions' | 'history' | 'results'> {
  const listExecutions: Jobs['listExecutions'] = (id, { limit, nextToken, signal, ...versions } = {}) =>
    transport.ask('GET', at(id, '/executions'), pageOf(execution), {
      query: { ...versionQuery(versions), limit, next_token: nextToken },
      signal,
    })
  return {
    versions: async (id, { namespace, signal } = {}) =>
      (await transport.ask('GET', at(id, '/versions'), pageOf(job), { query: { namespace }, signal })).Items,
    listExecutions,
    async executions(id, options = {}) {
      const all: Execution[] = []
      for (let nextToken: string | undefined = ''; nextToken !== undefined;) {
        const page = await listExecutions(id, { ...options, ...(nextToken === '' ? {} : { nextToken }) })
        all.push(...page.Items)
        nextToken = page.NextToken === '' ? undefined : page.NextToken
      }
      return all
    },
    history: (id, { limit, nextToken, type, executionId, signal, ...versions } = {}) =>
      transport.ask('GET', at(id, '/history'), pageOf(event), {
        query: { ...versionQuery(versions), limit, next_token: nextToken, event_type: type, execution_id: executionId },
        signal,
      }),
    results: async (id, { namespace, signal } = {}) =>
      (await transport.ask('GET', at(id, '/results'), pageOf(result), { query: { namespace }, signal })).Items,
  }
}

const versionQuery = ({ namespace, version, allVersions }: Omit<VersionedOptions, 'signal'>) => ({
  namespace,
  job_version: version,
  all_job_versions: allVersions,
})

async function waitForEnd(
  { get, waitForChange }: Pick<Jobs, 'get' | 'waitForChange'>,
  id: string,
  { onChange, ...options }: WaitOptions,
): Promise<Job> {
  // When nobody wants to hear of the steps in between, no revision is news but the last.
  const known = (seen: Job | undefined) => (onChange === undefined ? Number.MAX_SAFE_INTEGER : (seen?.Revision ?? 0))
  let current = onChange === undefined ? undefined : (await get(id, options)).Job
  if (current !== undefined) onChange?.(current)
  while (current === undefined || !hasEnded(current)) {
    const asked = performance.now()
    const next = await waitForChange(current?.ID ?? id, known(current), options)
    if (next.Revision !== current?.Revision) onChange?.(next)
    else if (performance.now() - asked < POLL_PAUSE) await new Promise((resolve) => setTimeout(resolve, POLL_PAUSE))
    current = next
  }
  return current
}

/** Has the job come to an end, of whatever kind? */
const hasEnded = ({ State }: Job): boolean => ['Completed', 'Failed', 'Stopped'].includes(State.StateType)
