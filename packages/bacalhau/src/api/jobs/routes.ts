import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  type DiffJobResponse,
  type GetJobResponse,
  type Job,
  parseSubmission,
  putJobRequestSchema,
  type PutJobResponse,
  type RerunJobResponse,
  type Submission,
} from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { uuid } from '../../runtime/ids.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { encodeJson } from '../http/answer.ts'
import { type Query, readQuery } from '../http/query.ts'
import { invalidDocument, pathParameter, readDocument } from '../http/request.ts'
import { listExecutions } from './executions.ts'
import { readHistory, readHistoryQuery, readVersion } from './history.ts'
import { noLabelSelector } from './label-selector.ts'
import { requireOrchestrator } from './orchestrator.ts'
import { waitForChange } from './wait.ts'

const JOBS = '/api/v1/orchestrator/jobs'
/** Events that come embedded in a job. */
const EMBEDDED_EVENTS = 100

/** What lacks a job altogether is for `parseSubmission` to say, in the words of the documented API. */
const submissionSchema = putJobRequestSchema.extend({ Job: z.unknown().optional() })

const stopRequestSchema = z.strictObject({
  Namespace: z.string().max(255).optional(),
  reason: z.string().max(4_096).optional(),
  IdempotencyToken: z.unknown().optional(),
  Credential: z.unknown().optional(),
})

const rerunRequestSchema = z.strictObject({
  Namespace: z.string().max(255).optional(),
  JobVersion: z.int().nonnegative().optional(),
  Reason: z.string().max(4_096).optional(),
  IdempotencyToken: z.unknown().optional(),
  Credential: z.unknown().optional(),
})

export function jobRoutes(app: FastifyInstance, api: Api): void {
  app.route({ method: ['PUT', 'POST'], url: JOBS, handler: (request) => submit(request, api) })
  app.put(`${JOBS}/diff`, (request) => showDifferences(request, api))
  app.put(`${JOBS}/:id/rerun`, (request) => rerun(request, api))
  app.get(JOBS, (request) => listJobs(request, api))
  app.get(`${JOBS}/:id`, (request, reply) => getJob(request, reply, api))
  app.delete(`${JOBS}/:id`, (request) => stopJob(request, api))
  app.get(`${JOBS}/:id/history`, (request) => {
    const { id, namespace, query } = target(request)
    return readHistory(requireOrchestrator(api), id, readHistoryQuery(query), namespace)
  })
  app.get(`${JOBS}/:id/executions`, (request) => {
    const { id, namespace, query } = target(request)
    return listExecutions(requireOrchestrator(api), id, query, namespace)
  })
  app.get(`${JOBS}/:id/versions`, async (request) => {
    const { id, namespace } = target(request)
    return { NextToken: '', Items: await requireOrchestrator(api).versions(id, namespace) }
  })
  app.get(`${JOBS}/:id/logs`, () => {
    throw new BacalhauError('BadRequest', 'logs are read over a WebSocket', {
      hint: 'Connect by ws://, or use `bacalhau job logs`.',
    })
  })
  app.get(`${JOBS}/:id/results`, async (request, reply) => {
    const { id, namespace, query } = target(request)
    const Items = await requireOrchestrator(api).results(id, namespace)
    // URLs among the results are for copying.
    void reply.serializer((value: unknown) => encodeJson(value, { pretty: query.has('pretty'), plain: true }))
    return { NextToken: '', Items }
  })
}

function target(request: FastifyRequest): { id: string; namespace: string | undefined; query: Query } {
  const query = readQuery(request.query)
  return { id: pathParameter(request, 'id'), namespace: query.text('namespace', 255), query }
}

function readSubmission(request: FastifyRequest): { submission: Submission; force: boolean } {
  const envelope = readDocument(request, submissionSchema)
  const parsed = parseSubmission(envelope?.Job)
  if (!parsed.ok) throw invalidDocument(parsed.problems)
  const { spec, warnings } = parsed.value
  const Namespace = spec.Namespace === 'default' ? envelope?.Namespace || 'default' : spec.Namespace
  return { submission: { spec: { ...spec, Namespace }, warnings }, force: envelope?.Force ?? false }
}

const warningsOf = (warnings: readonly string[]) => (warnings.length === 0 ? null : warnings)

/** An update leaves the type of a job as it is, as documented; who asks for another one should know. */
function typeWarning({ spec }: Submission, job: Pick<Job, 'Type'>): string[] {
  return spec.Type === job.Type ? [] : [`the type of a job cannot be changed: it stays ${job.Type}`]
}

async function submit(request: FastifyRequest, api: Api): Promise<PutJobResponse> {
  const orchestrator = requireOrchestrator(api)
  const { submission, force } = readSubmission(request)
  const job = await orchestrator.submit(submission, { force })
  return {
    JobID: job.ID,
    EvaluationID: uuid(api.random),
    Warnings: warningsOf([...submission.warnings, ...typeWarning(submission, job)]),
  }
}

/** What a submission would change, a line for each side of each difference. */
async function showDifferences(request: FastifyRequest, api: Api): Promise<DiffJobResponse> {
  const orchestrator = requireOrchestrator(api)
  const { submission } = readSubmission(request)
  if (submission.spec.Name === '') throw new BacalhauError('BadRequest', 'invalid job spec: name is missing')
  const { spec } = submission
  const job = await orchestrator.getJob(spec.Name, spec.Namespace)
  // A job that is merely found by its id is not the one that a submission of this name would change.
  if (job.Name !== spec.Name) {
    throw new BacalhauError('NotFound', `job not found: ${spec.Name}`, { component: 'JobStore' })
  }
  const lines = (await orchestrator.diff(submission)).flatMap(({ path, old, new: next }) => [
    ...(old === undefined ? [] : [`- ${path}: ${JSON.stringify(old)}`]),
    ...(next === undefined ? [] : [`+ ${path}: ${JSON.stringify(next)}`]),
  ])
  return { Diff: lines.join('\n'), Warnings: warningsOf([...submission.warnings, ...typeWarning(submission, job)]) }
}

async function rerun(request: FastifyRequest, api: Api): Promise<RerunJobResponse> {
  const { id, namespace } = target(request)
  const body = readDocument(request, rerunRequestSchema)
  const version = body?.JobVersion ?? 0
  const job = await requireOrchestrator(api).rerun(
    id,
    version === 0 ? undefined : version,
    body?.Namespace || namespace,
  )
  return { EvaluationID: uuid(api.random), JobID: job.ID, JobVersion: job.Version, Warnings: null }
}

async function listJobs(request: FastifyRequest, api: Api) {
  const orchestrator = requireOrchestrator(api)
  const query = readQuery(request.query)
  noLabelSelector(query)
  query.word('order_by', ['created_at'])
  const namespace = query.text('namespace', 255)
  const nextToken = query.text('next_token')
  return orchestrator.listJobs({
    limit: Math.min(query.count('limit'), LIMITS.page),
    reverse: query.flag('reverse'),
    ...(namespace === undefined ? {} : { namespace }),
    ...(nextToken === undefined ? {} : { nextToken }),
  })
}

async function getJob(request: FastifyRequest, reply: FastifyReply, api: Api): Promise<GetJobResponse> {
  const orchestrator = requireOrchestrator(api)
  const { id, namespace, query } = target(request)
  const include = new Set((query.text('include') ?? '').toLowerCase().split(','))
  const version = readVersion(query)
  const Job = query.has('wait')
    ? await nextJob(request, reply, api)
    : await orchestrator.getJob(id, namespace, version ?? 0)
  const ofVersion = version === undefined ? {} : { version }
  const events = { limit: EMBEDDED_EVENTS, from: 0, matches: () => true, executionId: undefined, ...ofVersion }
  return {
    Job,
    ...(include.has('history')
      ? { History: { ...(await readHistory(orchestrator, id, events, namespace)), NextToken: '' } }
      : {}),
    ...(include.has('executions') ? { Executions: await orchestrator.listExecutions(id, ofVersion, namespace) } : {}),
  }
}

/** Our extension: `?wait=<seconds>` answers when the job is past `revision` (default: the present one), or after that time. */
async function nextJob(request: FastifyRequest, reply: FastifyReply, api: Api): Promise<Job> {
  const orchestrator = requireOrchestrator(api)
  const { id, namespace, query } = target(request)
  const milliseconds = query.count('wait', LIMITS.longPoll / 1_000) * 1_000
  const revision = query.has('revision')
    ? query.count('revision', Number.MAX_SAFE_INTEGER)
    : (await orchestrator.getJob(id, namespace)).Revision
  const signal = callerSignal(reply, api.stopping)
  const changed = await waitForChange(
    orchestrator,
    { id, namespace, revision },
    { milliseconds, signal, clock: api.clock },
  )
  return changed ?? orchestrator.getJob(id, namespace)
}

async function stopJob(request: FastifyRequest, api: Api) {
  const orchestrator = requireOrchestrator(api)
  const { id, namespace, query } = target(request)
  const body = readDocument(request, stopRequestSchema)
  const reason = body?.reason || query.text('reason') || ''
  await orchestrator.stopJob(id, reason, body?.Namespace || namespace)
  return { EvaluationID: uuid(api.random) }
}
