import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Job, type JobHistory, parseLegacySpec } from '@bacalhau/models'
import { z } from 'zod'
import { locateModules } from '../../link/go/jobs/read-module.ts'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { turn } from '../../runtime/turn.ts'
import type { Api } from '../context.ts'
import { invalidDocument, readDocument } from '../http/request.ts'
import { addRoute, type Need } from '../http/route.ts'
import { requireOrchestrator } from '../jobs/orchestrator.ts'
import { legacyEvents, legacyJob, legacyResults, legacyState } from './documents.ts'
import { readSignedRequest } from './signed-request.ts'

/** Jobs of one listing: each comes with its executions. */
const MAX_JOBS = 100

const text = z.string().max(1_024)
const tags = z.array(text).max(100).optional()
const listSchema = z.object({
  id: text.optional(),
  client_id: text.optional(),
  include_tags: tags,
  exclude_tags: tags,
  max_jobs: z.int().optional(),
  return_all: z.boolean().optional(),
  sort_reverse: z.boolean().optional(),
})
const targetSchema = z.object({ client_id: text.optional(), job_id: text })
/** Seconds since the epoch; those of executions are always left out. */
const eventsSchema = z.object({
  filters: z.object({ since: z.number().nullish(), exclude_job_level: z.boolean().nullish() }).nullish(),
})
const submitSchema = z.object({ Spec: z.unknown().optional() })
const cancelSchema = z.object({ JobID: text, Reason: z.string().max(4_096).optional() })

type Answer = (request: FastifyRequest, orchestrator: Orchestrator, reply: FastifyReply) => unknown

/** The paths by which programs of the libp2p era (up to release 1.3) submit, list, watch and cancel jobs. */
export function legacyRoutes(app: FastifyInstance, api: Api): void {
  const requester = api.peer().ID
  const add = (name: string, needs: Need, answer: Answer) => post(app, api, name, needs, answer)
  add('submit', 'write:job', async (request, orchestrator, reply) => {
    const job = await submit(request, orchestrator)
    nameJob(reply, { job: job.ID })
    return { job: legacyJob(job, requester, 'submitted') }
  })
  add('cancel', 'write:job', async (request, orchestrator, reply) => {
    return { state: await cancel(request, orchestrator, reply) }
  })
  add('list', 'read:job', (request, orchestrator) => list(request, orchestrator, requester))
  add('states', 'read:job', async (request, orchestrator, reply) => {
    const { job, executions } = await target(request, orchestrator, reply)
    return { state: legacyState(job, executions) }
  })
  add('results', 'read:job', async (request, orchestrator, reply) => {
    return { results: legacyResults((await target(request, orchestrator, reply)).executions) }
  })
  add('events', 'read:job', async (request, orchestrator, reply) => {
    const { job } = await target(request, orchestrator, reply)
    const { filters } = readBody(request, eventsSchema)
    const since = (filters?.since ?? 0) * 1_000
    const events = filters?.exclude_job_level === true ? [] : legacyEvents(await jobEvents(job.ID, orchestrator))
    return { events: events.filter(({ Time }) => Date.parse(Time) >= since) }
  })
  goneRoutes(app, api)
}

const PREFIXES = ['/api/v1/requester', '/requester']
const route = { tag: 'legacy', hidden: true, summary: 'Of the libp2p era' } as const

function post(app: FastifyInstance, api: Api, name: string, needs: Need, answer: Answer): void {
  for (const prefix of PREFIXES) {
    addRoute(app, { ...route, method: 'POST', path: `${prefix}/${name}`, needs }, async (request, reply) =>
      answer(request, requireOrchestrator(api, request), reply),
    )
  }
}

function goneRoutes(app: FastifyInstance, api: Api): void {
  const gone = () => {
    throw new BacalhauError('Gone', 'this path of older releases is gone', {
      hint: 'Use /api/v1/orchestrator/jobs, or a client of release 1.4 or later. See docs/compatibility.md.',
    })
  }
  for (const prefix of PREFIXES) {
    for (const name of ['debug', 'approve', 'verify', 'logs']) {
      addRoute(app, { ...route, method: 'POST', path: `${prefix}/${name}`, needs: 'read:agent' }, gone)
    }
    for (const name of ['websocket/events', 'nodes']) {
      addRoute(app, { ...route, method: 'GET', path: `${prefix}/${name}`, needs: 'read:agent' }, gone)
    }
  }
  for (const path of ['/api/v1/compute/debug', '/api/v1/compute/approve']) {
    for (const method of ['GET', 'POST'] as const) addRoute(app, { ...route, method, path, needs: 'read:agent' }, gone)
  }
  addRoute(app, { ...route, method: 'POST', path: '/api/v1/version', needs: 'public' }, () => ({
    build_version_info: api.nodeInfo().BacalhauVersion,
  }))
  addRoute(app, { ...route, method: 'GET', path: '/api/v1/livez', needs: 'public' }, () => 'OK')
}

/** Jobs belong to the key that signed them: its ID is their namespace, as it was then. */
async function submit(request: FastifyRequest, orchestrator: Orchestrator): Promise<Job> {
  // Jobs that reach the API through the gateway of their network must not submit jobs.
  if (request.headers['x-bacalhau-job-id'] !== undefined) {
    throw new BacalhauError('BadRequest', 'rejecting job because HTTP header X-Bacalhau-Job-ID was set')
  }
  const { payload, clientId } = readSignedRequest(request)
  const parsed = parseLegacySpec(submitSchema.parse(payload).Spec)
  if (!parsed.ok) throw invalidDocument(parsed.problems)
  const { spec, warnings } = parsed.value
  // The command line of that time sends a module of some size as an archive.
  const Tasks = await Promise.all(spec.Tasks.map(locateModules))
  return orchestrator.submit({ spec: { ...spec, Tasks, Namespace: clientId }, warnings })
}

async function cancel(request: FastifyRequest, orchestrator: Orchestrator, reply: FastifyReply): Promise<object> {
  const { payload, clientId } = readSignedRequest(request)
  const parsed = cancelSchema.safeParse(payload)
  if (!parsed.success) throw new BacalhauError('BadRequest', 'the payload names no JobID')
  const { JobID, Reason = '' } = parsed.data
  const job = await orchestrator.getJob(JobID, clientId)
  if (job.Namespace !== clientId) {
    throw new BacalhauError('Unauthorized', 'the job belongs to another client', { details: { JobID: job.ID } })
  }
  nameJob(reply, { job: job.ID, client: clientId })
  const stopped = await orchestrator.stopJob(job.ID, Reason, clientId)
  return legacyState(stopped, await orchestrator.executions(job.ID, clientId))
}

/** Answers named their job, and the client that asked, where the client is one that a header can bear. */
function nameJob(reply: FastifyReply, { job, client }: { readonly job: string; readonly client?: string | undefined }) {
  void reply.header('x-bacalhau-job-id', job)
  if (client !== undefined && /^[\w.-]{1,128}$/.test(client)) void reply.header('x-bacalhau-client-id', client)
}

/** What happened to the job itself: a task array has many times as much that happened to its executions. */
async function jobEvents(id: string, orchestrator: Orchestrator): Promise<JobHistory[]> {
  const found: JobHistory[] = []
  for (let after: number | undefined = 0; after !== undefined; await turn()) {
    const batch = await orchestrator.history(id, after, LIMITS.page)
    found.push(...batch.filter(({ Type }) => Type === 'JobLevel'))
    after = batch.length < LIMITS.page ? undefined : batch.at(-1)?.SeqNum
  }
  return found
}

/** The body; without one there is nothing to answer. */
function readBody<T extends z.ZodType>(request: FastifyRequest, schema: T): z.output<T> {
  const body = readDocument(request, schema)
  if (body === undefined) throw new BacalhauError('BadRequest', 'the body is empty')
  return body
}

async function target(request: FastifyRequest, orchestrator: Orchestrator, reply: FastifyReply) {
  const { job_id: id, client_id: namespace } = readBody(request, targetSchema)
  const job = await orchestrator.getJob(id, namespace)
  nameJob(reply, { job: job.ID, client: namespace })
  return { job, executions: await orchestrator.executions(job.ID, job.Namespace) }
}

async function list(request: FastifyRequest, orchestrator: Orchestrator, requester: string): Promise<object> {
  const jobs = await find(readBody(request, listSchema), orchestrator)
  const described = jobs.map(async (job) => ({
    Job: legacyJob(job, requester, 'listed'),
    State: legacyState(job, await orchestrator.executions(job.ID, job.Namespace)),
  }))
  return { jobs: await Promise.all(described) }
}

async function find(query: z.output<typeof listSchema>, orchestrator: Orchestrator): Promise<readonly Job[]> {
  const { id, client_id: client, max_jobs: most = 0 } = query
  if (id) {
    try {
      return [await orchestrator.getJob(id, client)]
    } catch (error) {
      if (isBacalhauError(error) && error.code === 'NotFound') return []
      throw error
    }
  }
  const labels = [
    ...(query.include_tags ?? []).map((Key) => ({ Key, Operator: 'exists' as const })),
    ...(query.exclude_tags ?? []).map((Key) => ({ Key, Operator: '!' as const })),
  ]
  const mine = query.return_all === true || !client ? {} : { namespace: client }
  const limit = most > 0 ? Math.min(most, MAX_JOBS) : MAX_JOBS
  return (await orchestrator.listJobs({ ...mine, labels, limit, reverse: query.sort_reverse ?? false })).Items
}
