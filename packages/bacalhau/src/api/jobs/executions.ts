import type { Execution, Page } from '@bacalhau/models'
import type { ListExecutionsQuery, Orchestrator } from '../../orchestrator/service.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Query } from '../http/query.ts'
import { readVersion } from './history.ts'

const ORDERS = ['created_at', 'create_time', 'modified_at', 'modify_time'] as const

/**
 * A page of the executions of a job: in the order of their placement as many pages as there are, in another order the first
 * `limit` of all.
 */
export async function listExecutions(
  orchestrator: Orchestrator,
  id: string,
  query: Query,
  namespace: string | undefined,
): Promise<Page<Execution>> {
  const order = query.word('order_by', ORDERS) ?? 'created_at'
  const [limit, reverse] = [Math.min(query.count('limit') || LIMITS.page, LIMITS.page), query.flag('reverse')]
  const [version, nextToken] = [readVersion(query), query.text('next_token')]
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
