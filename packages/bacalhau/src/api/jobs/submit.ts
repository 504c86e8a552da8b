import type { FastifyRequest } from 'fastify'
import {
  type DiffJobResponse,
  type Job,
  parseSubmission,
  putJobRequestSchema,
  type PutJobResponse,
  type RerunJobResponse,
  type Submission,
} from '@bacalhau/models'
import { z } from 'zod'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import { uuid } from '../../runtime/ids.ts'
import type { Api } from '../context.ts'
import { invalidDocument, pathParameter, readDocument } from '../http/request.ts'
import { evaluationOf, onceOf } from './once.ts'
import { requireOrchestrator } from './orchestrator.ts'

/** What lacks a job altogether is for `parseSubmission` to say, in the words of the documented API. */
const submissionSchema = putJobRequestSchema.extend({ Job: z.unknown().optional() })

export const rerunRequestSchema = z.object({
  Namespace: z.string().max(255).optional(),
  JobVersion: z.int().nonnegative().optional(),
  Reason: z.string().max(4_096).optional(),
  IdempotencyToken: z.unknown().optional(),
  Credential: z.unknown().optional(),
})

/** A job as it was sent, checked. `namespace` is for one that names none. */
export function submissionOf(job: unknown, namespace: string | undefined): Submission {
  const parsed = parseSubmission(job)
  if (!parsed.ok) throw invalidDocument(parsed.problems)
  const { spec, warnings } = parsed.value
  const Namespace = spec.Namespace === 'default' ? namespace || 'default' : spec.Namespace
  return { spec: { ...spec, Namespace }, warnings }
}

/** By which header a client names its installation and itself, and under which key the job remembers it. */
const CLIENT_META = {
  'x-bacalhau-installationid': 'bacalhau.org/client.installation.id',
  'x-bacalhau-instanceid': 'bacalhau.org/client.instance.id',
} as const

function clientMeta({ headers }: FastifyRequest): Readonly<Record<string, string>> {
  const given = Object.entries(CLIENT_META).map(([header, key]) => [key, headers[header]] as const)
  return Object.fromEntries(
    given.filter((entry): entry is [(typeof entry)[0], string] => /^[\w.:-]{1,128}$/.test(String(entry[1] ?? ''))),
  )
}

function readSubmission(request: FastifyRequest) {
  const envelope = readDocument(request, submissionSchema)
  const { spec, warnings } = submissionOf(envelope?.Job, envelope?.Namespace)
  const submission = { spec: { ...spec, Meta: { ...spec.Meta, ...clientMeta(request) } }, warnings }
  return { submission, force: envelope?.Force ?? false, token: envelope?.IdempotencyToken }
}

const warningsOf = (warnings: readonly string[]) => (warnings.length === 0 ? null : warnings)

/** An update leaves the type of a job as it is, as documented; who asks for another one should know. */
function typeWarning({ spec }: Submission, job: Pick<Job, 'Type'>): string[] {
  return spec.Type === job.Type ? [] : [`the type of a job cannot be changed: it stays ${job.Type}`]
}

export async function submit(request: FastifyRequest, api: Api): Promise<PutJobResponse> {
  const orchestrator = requireOrchestrator(api, request)
  const { submission, force, token } = readSubmission(request)
  const once = onceOf(request, token)
  const job = await orchestrator.submit(submission, { force, ...(once === undefined ? {} : { once }) })
  return answerOf(submission, job)
}

export const answerOf = (submission: Submission, job: Job): PutJobResponse => ({
  JobID: job.ID,
  EvaluationID: evaluationOf(job),
  Warnings: warningsOf([...submission.warnings, ...typeWarning(submission, job)]),
})

/** The job that a submission of this name would change: not one that is merely found by its id. */
async function named(orchestrator: Orchestrator, { Name, Namespace }: Submission['spec']): Promise<Job> {
  try {
    const job = await orchestrator.getJob(Name, Namespace)
    if (job.Name === Name) return job
  } catch (error) {
    if (!isBacalhauError(error) || (error.code !== 'NotFound' && error.code !== 'Conflict')) throw error
  }
  throw new BacalhauError('NotFound', `job name index not found: ${Name}:${Namespace}`, { component: 'JobStore' })
}

/** What a submission would change, a line for each side of each difference. */
export async function showDifferences(request: FastifyRequest, api: Api): Promise<DiffJobResponse> {
  const orchestrator = requireOrchestrator(api, request)
  const { submission } = readSubmission(request)
  if (submission.spec.Name === '') throw new BacalhauError('BadRequest', 'invalid job spec: name is missing')
  const { spec } = submission
  const job = await named(orchestrator, spec)
  const lines = (await orchestrator.diff(submission)).flatMap(({ path, old, new: next }) => [
    ...(old === undefined ? [] : [`- ${path}: ${JSON.stringify(old)}`]),
    ...(next === undefined ? [] : [`+ ${path}: ${JSON.stringify(next)}`]),
  ])
  return { Diff: lines.join('\n'), Warnings: warningsOf([...submission.warnings, ...typeWarning(submission, job)]) }
}

export async function rerun(
  request: FastifyRequest,
  api: Api,
  namespace: string | undefined,
): Promise<RerunJobResponse> {
  const body = readDocument(request, rerunRequestSchema)
  const version = body?.JobVersion || undefined
  const id = pathParameter(request, 'id')
  const job = await requireOrchestrator(api, request).rerun(id, version, body?.Namespace || namespace)
  return { EvaluationID: uuid(api.random), JobID: job.ID, JobVersion: job.Version, Warnings: null }
}
