import type { Execution, Page } from '@bacalhau/models'
import type { ListExecutionsQuery, Orchestrator } from '../../orchestrator/service.ts'
import { z } from 'zod'
import { LIMITS } from '../../runtime/limits.ts'
import { queryCount, queryFlag, queryNumber, queryText, queryWord } from '../http/query.ts'
import { readVersion } from './history.ts'

const ORDERS = ['created_at', 'create_time', 'modified_at', 'modify_time'] as const

export const executionsQuery = z.object({
  namespace: queryText(255),
  limit: queryCount(),
  next_token: queryText(),
  order_by: queryWord(ORDERS),
  reverse: queryFlag(),
  job_version: queryNumber(),
  all_job_versions: queryFlag(),
})

/**
 * A page of the executions of a job: in the order of their placement as many pages as there are, in another order the first
 * `limit` of all.
 */
export async function listExecutions(
  orchestrator: Orchestrator,
  id: string,
  query: z.output<typeof executionsQuery>,
): Promise<Page<Execution>> {
  const { namespace, order_by: order = 'created_at', reverse, next_token: nextToken } = query
  const limit = Math.min(query.limit || LIMITS.page, LIMITS.page)
  const version = readVersion(query)
  const wanted: ListExecutionsQuery = version === undefined ? {} : { version }
  const page = (more: ListExecutionsQuery) => orchestrator.listExecutions(id, { ...wanted, ...more }, namespace)
  if (!reverse && order.startsWith('create')) {
    return page({ limit, ...(nextToken === undefined ? {} : { nextToken }) })
  }
  const field = order.startsWith('create') ? 'CreateTime' : 'ModifyTime'
  const before = (a: Execution, b: Execution) => (reverse ? b[field] - a[field] : a[field] - b[field])
  // A job may have a hundred thousand of them: no more than the best so far are in memory.
  let best: Execution[] = []
  for (let token: string | undefined = ''; token !== undefined;) {
    const { Items, NextToken }: Page<Execution> = await page({ limit: LIMITS.page, nextToken: token })
    best = [...best, ...Items].sort(before).slice(0, limit)
    token = NextToken === '' ? undefined : NextToken
  }
  return { NextToken: '', Items: best }
}
