import {
  isFinalJobState,
  isLegacySpec,
  type Job,
  parseDocument,
  parseLegacySpec,
  parseSubmission,
  type Parsed,
  putJobRequestSchema,
  type Submission,
  submittedJobSchema,
} from '@bacalhau/models'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { CATALOGUE, type ErrorCode } from '../../runtime/error-catalogue.ts'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { parseJson } from '../http/document.ts'
import { invalidDocument } from '../http/request.ts'
import { waitForChange } from './wait.ts'

/** What the generic endpoint answers with: where the published result is. */
export interface RunResponse {
  readonly cid: string
}

/**
 * Reads the body of the generic endpoint: an older spec or a v1.9 job, bare or in the envelope of a submission. A job that names
 * no publisher is published to IPFS, as only that gives the CID to answer with.
 */
export function parseRunnable(body: Uint8Array): Submission {
  const document = unwrap(parseJson(body))
  const parsed = isLegacySpec(document) ? parseLegacySpec(document) : parseSubmission(withPublisher(document))
  const { spec, warnings } = valueOf(parsed)
  if (spec.Type !== 'batch' && spec.Type !== 'ops') {
    throw new BacalhauError(
      'ValidationError',
      `Type: a ${spec.Type} job never ends, so there is no result to wait for`,
      {
        hint: 'Submit it by PUT /api/v1/orchestrator/jobs instead.',
      },
    )
  }
  const publisher = spec.Tasks[0]?.Publisher.Type.trim().toLowerCase()
  if (publisher !== 'ipfs') {
    throw new BacalhauError('ValidationError', `Publisher: '${publisher}' gives no CID to answer with; use IPFS`, {
      hint: 'Set the publisher to IPFS, or submit the job by PUT /api/v1/orchestrator/jobs.',
    })
  }
  return { spec, warnings }
}

function unwrap(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || isLegacySpec(document)) return document
  const enveloped = Object.keys(document).some((key) => key.toLowerCase() === 'job')
  return enveloped ? valueOf(parseDocument(putJobRequestSchema, document)).Job : document
}

function withPublisher(document: unknown): unknown {
  const parsed = parseDocument(submittedJobSchema, document)
  // What is wrong with it is for `parseSubmission` to say.
  if (!parsed.ok) return document
  const Tasks = parsed.value.Tasks.map((task) =>
    task.Publisher.Type.trim() === '' ? { ...task, Publisher: { Type: 'ipfs' } } : task,
  )
  return { ...parsed.value, Tasks }
}

function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw invalidDocument(parsed.problems)
  return parsed.value
}

/** Submits, waits for the end, and gives the CID of the result. The job goes on when `signal` aborts. */
export async function runJob(
  orchestrator: Orchestrator,
  submission: Submission,
  { signal, clock }: { signal: AbortSignal; clock: Clock },
): Promise<RunResponse> {
  // Whoever calls this wants a run, also of a job that has run before under the same name.
  const submitted = await orchestrator.submit(submission, { force: true })
  const ended = await waitForEnd(orchestrator, submitted, signal, clock)
  if (ended.State.StateType !== 'Completed') throw failureOf(ended)
  const results = await orchestrator.results(ended.ID)
  for (const { Type, Params } of results) {
    const cid = Params?.['CID']
    if (Type.toLowerCase() === 'ipfs' && typeof cid === 'string') return { cid }
  }
  throw new BacalhauError('PublishFailed', 'the job completed but published no result to IPFS', detailsOf(ended))
}

async function waitForEnd(orchestrator: Orchestrator, submitted: Job, signal: AbortSignal, clock: Clock): Promise<Job> {
  const deadline = clock.monotonic() + LIMITS.runWait
  let job = submitted
  while (!isFinalJobState(job.State.StateType)) {
    const target = { id: job.ID, namespace: job.Namespace, revision: job.Revision }
    const milliseconds = Math.max(0, deadline - clock.monotonic())
    const changed = await waitForChange(orchestrator, target, { milliseconds, signal, clock })
    if (changed === undefined)
      throw new BacalhauError('TimeOut', 'the job did not end in time; it goes on', detailsOf(job))
    job = changed
  }
  return job
}

function failureOf(job: Job): BacalhauError {
  const { StateType, Message = '', Details = {} } = job.State
  const { ErrorCode: code = '', Hint: hint } = Details
  const { details } = detailsOf(job)
  if (StateType === 'Stopped') {
    return new BacalhauError('ExecutionCancelled', `the job was stopped: ${Message || 'no reason given'}`, { details })
  }
  return new BacalhauError(
    Object.hasOwn(CATALOGUE, code) ? (code as ErrorCode) : 'JobFailed',
    Message || 'the job failed',
    {
      details,
      hint: hint ?? detailsOf(job).hint,
    },
  )
}

function detailsOf(job: Job) {
  return { details: { JobID: job.ID }, hint: `See \`bacalhau job describe ${job.ID}\`.` }
}
