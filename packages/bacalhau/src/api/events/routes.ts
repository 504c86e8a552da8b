import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { z } from 'zod'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { queryFlag, queryText } from '../http/query.ts'
import { addRoute } from '../http/route.ts'
import { requireOrchestrator } from '../jobs/orchestrator.ts'
import { frames } from './frames.ts'

/** Jobs that one stream may name. */
const MAX_JOBS = 100

const eventsQuery = z.object({
  namespace: queryText(255).describe('Only jobs of this namespace; absent or * means of all.'),
  job_id: queryText(4_096).describe('Only these jobs: ids, beginnings of ids or names, separated by commas.'),
  history: queryFlag().describe('Tell everything that happens to the jobs, too, as events `history`.'),
  after: queryText(64).describe('Go on after this cursor, as with the header Last-Event-ID.'),
})

export function eventRoutes(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    {
      method: 'GET',
      path: '/api/v1/orchestrator/events',
      needs: 'read:job',
      tag: 'events',
      summary: 'Follow the changes of jobs as server-sent events',
      query: eventsQuery,
      answerType: 'text/event-stream',
    },
    (request, reply, query) => follow(request, reply, query, api),
  )
}

async function follow(
  request: FastifyRequest,
  reply: FastifyReply,
  { namespace, job_id, history, after }: z.output<typeof eventsQuery>,
  api: Api,
): Promise<Readable> {
  const orchestrator = requireOrchestrator(api, request)
  const everywhere = namespace === undefined || namespace === '*'
  const jobIds =
    job_id === undefined ? undefined : await idsOf(orchestrator, job_id, everywhere ? undefined : namespace)
  const resume = after ?? lastEventId(request)
  const signal = callerSignal(reply, api.stopping)
  const changes = orchestrator.changes(
    {
      history,
      ...(everywhere ? {} : { namespaces: [namespace] }),
      ...(jobIds === undefined ? {} : { jobIds }),
      ...(resume === undefined ? {} : { after: resume }),
    },
    signal,
  )
  void reply.headers({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // Asks proxies not to wait for more.
    'x-accel-buffering': 'no',
  })
  // What waits for a slow reader is one batch.
  return Readable.from(untilStop(frames(changes, api.clock), signal), { objectMode: false })
}

/** When the node stops, streams end in order: their readers connect again. */
async function* untilStop(frames: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* frames
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function idsOf(orchestrator: Orchestrator, list: string, namespace: string | undefined): Promise<string[]> {
  const names = list.split(',').filter((name) => name !== '')
  if (names.length > MAX_JOBS) {
    throw new BacalhauError('BadRequest', `query parameter 'job_id' names more than ${MAX_JOBS} jobs`, {
      hint: 'Follow all jobs of the namespace instead.',
    })
  }
  return Promise.all(names.map(async (name) => (await orchestrator.getJob(name, namespace)).ID))
}

function lastEventId({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id.slice(0, 64) : undefined
}
