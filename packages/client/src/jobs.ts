import type { Execution, GetJobResponse, Job, JobHistory, Page, PutJobResponse, SpecConfig } from '@bacalhau/models'
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

export interface GetJobOptions extends JobOptions {
  readonly include?: readonly ('history' | 'executions')[]
}

export interface HistoryOptions extends JobOptions {
  readonly limit?: number
  readonly nextToken?: string
  readonly type?: 'all' | 'job' | 'execution'
  readonly executionId?: string
}

export interface WaitOptions extends JobOptions {
  /** Called with every state of the job that is seen, the first and the last included. */
  readonly onChange?: (job: Job) => void
}

/** Everything about jobs. `id` is a full id, the unique beginning of one, or a job's name. */
export interface Jobs {
  submit(job: object, options?: JobOptions): Promise<PutJobResponse>
  get(id: string, options?: GetJobOptions): Promise<GetJobResponse>
  list(options?: ListJobsOptions): Promise<Page<Job>>
  executions(id: string, options?: JobOptions): Promise<readonly Execution[]>
  /** A page of events; its token is empty once the job has ended and everything was delivered. */
  history(id: string, options?: HistoryOptions): Promise<Page<JobHistory>>
  results(id: string, options?: JobOptions): Promise<readonly SpecConfig[]>
  stop(id: string, reason: string, options?: JobOptions): Promise<void>
  /** The job once it is past `revision` or has ended; after half a minute as it then is. */
  waitForChange(id: string, revision: number, options?: JobOptions): Promise<Job>
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
const execution = shaped<Execution>({ ID: 'string', ComputeState: 'object' })
const event = shaped<JobHistory>({ SeqNum: 'number', Event: 'object' })
const result = shaped<SpecConfig>({ Type: 'string' })
const anything = shaped<object>({})

export function createJobs(transport: Transport, open: OpenSocket): Jobs {
  const at = (id: string, rest = '') => `${PATH}/${encodeURIComponent(id)}${rest}`
  const get: Jobs['get'] = async (id, { namespace, include = [], signal } = {}) => {
    const query = { namespace, include: include.length === 0 ? undefined : include.join(',') }
    const answer = await transport.ask('GET', at(id), jobAnswer, { query, signal })
    return { ...answer, Job: job(answer.Job) }
  }
  const waitForChange: Jobs['waitForChange'] = async (id, revision, { namespace, signal } = {}) => {
    const query = { namespace, revision, wait: POLL_SECONDS }
    return job((await transport.ask('GET', at(id), jobAnswer, { query, signal })).Job)
  }
  return {
    submit: (Job, { namespace, signal } = {}) =>
      transport.ask('PUT', PATH, submitted, { json: { Job, Namespace: namespace }, signal }),
    get,
    list: ({ namespace, limit, nextToken, reverse, signal } = {}) =>
      transport.ask('GET', PATH, pageOf(job), {
        query: { namespace, limit, next_token: nextToken, reverse },
        signal,
      }),
    executions: async (id, { namespace, signal } = {}) =>
      (await transport.ask('GET', at(id, '/executions'), pageOf(execution), { query: { namespace }, signal })).Items,
    history: (id, { namespace, limit, nextToken, type, executionId, signal } = {}) =>
      transport.ask('GET', at(id, '/history'), pageOf(event), {
        query: { namespace, limit, next_token: nextToken, event_type: type, execution_id: executionId },
        signal,
      }),
    results: async (id, { namespace, signal } = {}) =>
      (await transport.ask('GET', at(id, '/results'), pageOf(result), { query: { namespace }, signal })).Items,
    async stop(id, reason, { namespace, signal } = {}) {
      await transport.ask('DELETE', at(id), anything, { json: { Namespace: namespace, reason }, signal })
    },
    waitForChange,
    wait: (id, options = {}) => waitForEnd({ get, waitForChange }, id, options),
    logs: (id, options = {}) => readLogs(transport, open, id, options),
  }
}

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
