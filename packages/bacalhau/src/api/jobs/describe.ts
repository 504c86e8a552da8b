import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GetJobResponse, Job } from '@bacalhau/models'
import { z } from 'zod'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { queryCount, queryFlag, queryNumber, queryText } from '../http/query.ts'
import { pathParameter } from '../http/request.ts'
import { readHistory, readVersion } from './history.ts'
import { requireOrchestrator } from './orchestrator.ts'
import { waitForChange } from './wait.ts'

/** Events that come embedded in a job. */
const EMBEDDED_EVENTS = 100

export const getJobQuery = z.object({
  namespace: queryText(255),
  include: queryText(),
  job_version: queryNumber(),
  all_job_versions: queryFlag(),
  /** Our extension: answer when the job is past `revision` (default: the present one), or after so many seconds. */
  wait: queryCount(LIMITS.longPoll / 1_000),
  revision: queryNumber(),
})
type Query = z.output<typeof getJobQuery>

export async function getJob(
  request: FastifyRequest,
  reply: FastifyReply,
  query: Query,
  api: Api,
): Promise<GetJobResponse> {
  const orchestrator = requireOrchestrator(api, request)
  const id = pathParameter(request, 'id')
  const { namespace } = query
  const include = new Set((query.include ?? '').toLowerCase().split(','))
  const version = readVersion(query)
  const Job =
    query.wait === undefined
      ? await orchestrator.getJob(id, namespace, version ?? 0)
      : await nextJob(request, reply, { ...query, wait: query.wait }, api)
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

async function nextJob(
  request: FastifyRequest,
  reply: FastifyReply,
  { namespace, wait, revision: known }: Query & { readonly wait: number },
  api: Api,
): Promise<Job> {
  const orchestrator = requireOrchestrator(api, request)
  const id = pathParameter(request, 'id')
  const revision = known ?? (await orchestrator.getJob(id, namespace)).Revision
  const signal = callerSignal(reply, api.stopping)
  const changed = await waitForChange(
    orchestrator,
    { id, namespace, revision },
    { milliseconds: wait * 1_000, signal, clock: api.clock },
  )
  return changed ?? orchestrator.getJob(id, namespace)
}
