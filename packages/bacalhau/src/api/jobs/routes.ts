import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bulkRequestSchema, putJobRequestSchema } from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { uuid } from '../../runtime/ids.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { olderDescription, olderExecutions, olderHistory, olderJobs, olderResults } from '../legacy/answers.ts'
import { forRelease } from '../legacy/for-release.ts'
import { submitMany } from './bulk.ts'
import { encodeJson } from '../http/answer.ts'
import { queryCount, queryFlag, queryPresence, queryText, queryTexts, queryWord } from '../http/query.ts'
import { pathParameter, readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import { clientVersion } from '../http/version.ts'
import { getJob, getJobQuery } from './describe.ts'
import { executionsQuery, listExecutions } from './executions.ts'
import { forOldClients, historyQuery, readHistory, readHistoryQuery } from './history.ts'
import { readSelectors } from './label-selector.ts'
import { logQuery } from './log-socket.ts'
import { requireOrchestrator } from './orchestrator.ts'
import { rerun, rerunRequestSchema, showDifferences, submit } from './submit.ts'

const JOBS = '/api/v1/orchestrator/jobs'

const read = { method: 'GET', needs: 'read:job', tag: 'jobs' } as const
/** Releases before 1.4 are answered, too, in the form of theirs. */
const readByAll = { ...read, anyVersion: true } as const
const write = { needs: 'write:job', tag: 'jobs' } as const

const listQuery = z.object({
  namespace: queryText(255),
  labels: queryTexts(),
  limit: queryCount(),
  next_token: queryText(),
  order_by: queryWord(['created_at', 'modified_at']),
  reverse: queryFlag(),
})

const stopRequestSchema = z.object({
  Namespace: z.string().max(255).optional(),
  reason: z.string().max(4_096).optional(),
  IdempotencyToken: z.unknown().optional(),
  Credential: z.unknown().optional(),
})

const stopQuery = z.object({ namespace: queryText(255), reason: queryText() })
const namespaceQuery = z.object({ namespace: queryText(255) })

export function jobRoutes(app: FastifyInstance, api: Api): void {
  submissionRoutes(app, api)
  readingRoutes(app, api)
  outputRoutes(app, api)
  addRoute(
    app,
    {
      ...write,
      method: 'DELETE',
      path: `${JOBS}/:id`,
      summary: 'Stop a job',
      query: stopQuery,
      body: stopRequestSchema,
    },
    (request, _reply, query) => stopJob(request, query, api),
  )
  // Releases up to 1.3 send it this way once they have logged in.
  addRoute(
    app,
    {
      ...write,
      method: 'POST',
      path: `${JOBS}/:id`,
      summary: 'Stop a job',
      query: stopQuery,
      hidden: true,
      anyVersion: true,
    },
    (request, _reply, query) => stopJob(request, query, api),
  )
}

function submissionRoutes(app: FastifyInstance, api: Api): void {
  for (const method of ['PUT', 'POST'] as const) {
    const route = {
      ...write,
      method,
      path: JOBS,
      summary: 'Submit or update a job',
      body: putJobRequestSchema,
      anyVersion: true,
    } as const
    addRoute(app, route, (request) => submit(request, api))
  }
  addRoute(
    app,
    {
      ...write,
      method: 'POST',
      path: `${JOBS}/bulk`,
      summary: 'Submit or update many jobs at once',
      body: bulkRequestSchema,
    },
    (request) => submitMany(request, api),
  )
  addRoute(
    app,
    {
      ...write,
      method: 'PUT',
      path: `${JOBS}/diff`,
      summary: 'What a submission would change',
      body: putJobRequestSchema,
    },
    (request) => showDifferences(request, api),
  )
  addRoute(
    app,
    {
      ...write,
      method: 'PUT',
      path: `${JOBS}/:id/rerun`,
      summary: 'Run a job once more',
      query: namespaceQuery,
      body: rerunRequestSchema,
    },
    (request, _reply, { namespace }) => rerun(request, api, namespace),
  )
}

function readingRoutes(app: FastifyInstance, api: Api): void {
  addRoute(app, { ...readByAll, path: JOBS, summary: 'List jobs', query: listQuery }, (request, _reply, query) =>
    forRelease(request, listJobs(request, query, api), olderJobs),
  )
  addRoute(
    app,
    {
      ...readByAll,
      path: `${JOBS}/:id`,
      summary: 'One job',
      query: getJobQuery,
      patience: LIMITS.longPoll + LIMITS.requestAnswer,
    },
    (request, reply, query) => forRelease(request, getJob(request, reply, query, api), olderDescription),
  )
  addRoute(
    app,
    { ...readByAll, path: `${JOBS}/:id/history`, summary: 'Events of a job', query: historyQuery },
    async (request, _reply, query) => {
      const orchestrator = requireOrchestrator(api, request)
      const page = await readHistory(orchestrator, idOf(request), readHistoryQuery(query), query.namespace)
      return forRelease(request, forOldClients(page, clientVersion(request.raw)), olderHistory)
    },
  )
  addRoute(
    app,
    { ...readByAll, path: `${JOBS}/:id/executions`, summary: 'Executions of a job', query: executionsQuery },
    (request, _reply, query) =>
      forRelease(request, listExecutions(requireOrchestrator(api, request), idOf(request), query), olderExecutions),
  )
  addRoute(
    app,
    { ...read, path: `${JOBS}/:id/versions`, summary: 'Versions of a job', query: namespaceQuery },
    async (request, _reply, { namespace }) => ({
      NextToken: '',
      Items: await requireOrchestrator(api, request).versions(idOf(request), namespace),
    }),
  )
}

/** What a job has left. */
function outputRoutes(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    { ...readByAll, path: `${JOBS}/:id/logs`, summary: 'Output of an execution, over a WebSocket', query: logQuery },
    () => {
      throw new BacalhauError('BadRequest', 'logs are read over a WebSocket', {
        hint: 'Connect by ws://, or use `bacalhau job logs`.',
      })
    },
  )
  addRoute(
    app,
    {
      ...readByAll,
      path: `${JOBS}/:id/results`,
      summary: 'Where the results of a job are',
      query: namespaceQuery.extend({ pretty: queryPresence() }),
    },
    async (request, reply, { namespace, pretty }) => {
      const Items = await resultsOf(request, api, namespace)
      // URLs among the results are for copying.
      void reply.serializer((value: unknown) => encodeJson(value, { pretty, plain: true }))
      return forRelease(request, { NextToken: '', Items: [...Items] }, olderResults)
    },
  )
}

async function resultsOf(request: FastifyRequest, api: Api, namespace: string | undefined) {
  const orchestrator = requireOrchestrator(api, request)
  const results = await orchestrator.results(idOf(request), namespace)
  const { openResult } = api
  if (openResult === undefined || results.length === 0) return results
  const { ID } = await orchestrator.getJob(idOf(request), namespace)
  return Promise.all(results.map((result) => openResult(result, ID)))
}

const idOf = (request: FastifyRequest) => pathParameter(request, 'id')

async function listJobs(request: FastifyRequest, query: z.output<typeof listQuery>, api: Api) {
  const orchestrator = requireOrchestrator(api, request)
  const { namespace, next_token: nextToken, reverse, order_by: order = 'created_at' } = query
  return orchestrator.listJobs({
    // As documented, none means all, as far as they go into one answer.
    limit: Math.min(query.limit || LIMITS.page, LIMITS.page),
    reverse,
    order,
    labels: readSelectors(query.labels),
    ...(namespace === undefined ? {} : { namespace }),
    ...(nextToken === undefined ? {} : { nextToken }),
  })
}

async function stopJob(request: FastifyRequest, query: z.output<typeof stopQuery>, api: Api) {
  const orchestrator = requireOrchestrator(api, request)
  const body = readDocument(request, stopRequestSchema)
  const reason = body?.reason || query.reason || ''
  await orchestrator.stopJob(idOf(request), reason, body?.Namespace || query.namespace)
  return { EvaluationID: uuid(api.random) }
}
