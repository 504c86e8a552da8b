import type { DiffJobResponse, JobInput, PutJobResponse } from '@bacalhau/models'
import { type ApiError, errorFromAnswer } from './api-error.ts'
import { JOBS_PATH, type JobOptions } from './job-address.ts'
import { pageOf, shaped } from './shape.ts'
import type { Transport } from './transport.ts'

export interface SubmitOptions extends JobOptions {
  /** Make a new version of the job with this name even if nothing has changed. */
  readonly force?: boolean
  /**
   * Submissions with the same key, by the same caller in the same namespace within a day, are one. Made up by default, so that
   * a submission whose answer got lost can be sent again; give one of your own to have that across restarts of your program.
   */
  readonly idempotencyKey?: string
}

/** What became of one of many jobs. */
export type BulkResult =
  | { readonly ok: true; readonly job: PutJobResponse }
  | { readonly ok: false; readonly error: ApiError }

export interface Submission {
  /**
   * Submits a job. One with the name of a job that is there becomes its next version; code `Conflict` when it asks for nothing
   * new, unless `force`.
   */
  submit(job: JobInput | object, options?: SubmitOptions): Promise<PutJobResponse>
  /** Submits many jobs in few requests. Each succeeds or fails on its own; what became of them comes in their order. */
  submitAll(jobs: readonly (JobInput | object)[], options?: SubmitOptions): Promise<readonly BulkResult[]>
  /** What submitting this would change of the job with its name; code `NotFound` when there is none. */
  diff(job: JobInput | object, options?: JobOptions): Promise<DiffJobResponse>
}

/** Jobs of one request, and characters of JSON: the server takes 1000 jobs and 10 MiB. */
const MOST_JOBS = 1_000
const MOST_CHARACTERS = 3 * 1024 * 1024

const submitted = shaped<PutJobResponse>({ JobID: 'string' })
const diffAnswer = shaped<DiffJobResponse>({ Diff: 'string' })

export function createSubmission(transport: Transport): Submission {
  const key = () =>
    Array.from(transport.platform.randomBytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return {
    submit: (job, { namespace, force, idempotencyKey = key(), ...call } = {}) =>
      transport.ask('PUT', JOBS_PATH, submitted, {
        json: { Job: job, Namespace: namespace, Force: force },
        headers: { 'idempotency-key': idempotencyKey },
        repeatable: true,
        ...call,
      }),
    async submitAll(jobs, { namespace, force, idempotencyKey = key(), ...call } = {}) {
      const results: BulkResult[] = []
      let number = 0
      for (const Jobs of batches(jobs)) {
        const { Items } = await transport.ask('POST', `${JOBS_PATH}/bulk`, pageOf(bulkResult), {
          json: { Jobs, Namespace: namespace, Force: force },
          headers: { 'idempotency-key': `${idempotencyKey}-${number++}` },
          repeatable: true,
          ...call,
        })
        results.push(...Items)
      }
      return results
    },
    diff: (job, { namespace, ...call } = {}) =>
      transport.ask('PUT', `${JOBS_PATH}/diff`, diffAnswer, {
        json: { Job: job, Namespace: namespace },
        repeatable: true,
        ...call,
      }),
  }
}

/** Parts of a list that each fit into one request. A job that is too large makes one of its own, for the server to refuse. */
export function* batches(jobs: readonly object[]): Generator<object[]> {
  let batch: object[] = []
  let characters = 0
  for (const job of jobs) {
    const { length } = JSON.stringify(job)
    if (batch.length === MOST_JOBS || (batch.length > 0 && characters + length > MOST_CHARACTERS)) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(job)
    characters += length
  }
  if (batch.length > 0) yield batch
}

const failed = shaped<{ Error: { Status?: number } }>({ Error: 'object' })

function bulkResult(value: unknown): BulkResult {
  if (typeof value !== 'object' || value === null || !('Error' in value)) return { ok: true, job: submitted(value) }
  const { Error: body } = failed(value)
  return { ok: false, error: errorFromAnswer({ status: body.Status ?? 500, body: JSON.stringify(body) }, '') }
}
