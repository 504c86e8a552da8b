import {
  type Execution,
  isFinalExecutionState,
  isFinalJobState,
  type ExecutionState,
  type JobHistory,
  type Page,
} from '@bacalhau/models'
import { z } from 'zod'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { turn } from '../../runtime/turn.ts'
import { queryCount, queryFlag, queryNumber, queryText, queryWord } from '../http/query.ts'
import { decodePosition, encodePosition } from './page-token.ts'

const DEFAULT_LIMIT = 100
/** Events that are looked through before other work gets its turn: a task array has hundreds of thousands. */
const BATCH = 500

export interface HistoryQuery {
  readonly limit: number
  readonly from: number
  readonly matches: (event: JobHistory) => boolean
  /** Only the events of this execution, or of those whose id begins so. */
  readonly executionId: string | undefined
  /** Only events of this version of the job; 0: of all, absent: of the newest. */
  readonly version?: number
}

export const historyQuery = z.object({
  namespace: queryText(255),
  limit: queryCount(),
  next_token: queryText(),
  /** Seconds since the epoch. */
  since: queryNumber(),
  event_type: queryWord(['all', 'job', 'execution']),
  execution_id: queryText(),
  job_version: queryNumber(),
  all_job_versions: queryFlag(),
})

export function readHistoryQuery(query: z.output<typeof historyQuery>): HistoryQuery {
  const limit = Math.min(query.limit || DEFAULT_LIMIT, LIMITS.page)
  const since = (query.since ?? 0) * 1_000
  const type = query.event_type ?? 'all'
  const executionId = query.execution_id
  const version = readVersion(query) ?? (executionId === undefined ? undefined : 0)
  const matches = (event: JobHistory) =>
    (type === 'all' || event.Type === (type === 'job' ? 'JobLevel' : 'ExecutionLevel')) &&
    (since === 0 || Date.parse(event.Time) >= since) &&
    (executionId === undefined || event.ExecutionID?.startsWith(executionId) === true)
  const token = query.next_token
  const position = token === undefined ? { limit, from: 0 } : decodePosition(token)
  return {
    limit: Math.min(position.limit || limit, LIMITS.page),
    from: position.from,
    matches,
    executionId,
    ...(version === undefined ? {} : { version }),
  }
}

/** The version that is asked for: 0 for all, undefined for the newest. */
export function readVersion(query: {
  readonly job_version?: number | undefined
  readonly all_job_versions: boolean
}): number | undefined {
  if (query.all_job_versions) return 0
  return query.job_version === 0 ? undefined : query.job_version
}

/**
 * One page of events. The token is the signal to ask again: it is there while more is stored or more is to come, that is, until
 * the job has ended (or the one execution that was asked for) and everything is delivered.
 */
export async function readHistory(
  orchestrator: Orchestrator,
  id: string,
  query: HistoryQuery,
  namespace: string | undefined,
): Promise<Page<JobHistory>> {
  // The state is read first: whatever it says is then in the events that follow.
  const job = await orchestrator.getJob(id, namespace)
  const ended = isFinalJobState(job.State.StateType) || (await hasExecutionEnded(orchestrator, id, query, namespace))
  const version = query.version ?? job.Version
  const Items: JobHistory[] = []
  let from = query.from
  for (;;) {
    const batch = await orchestrator.history(id, Math.max(0, from - 1), BATCH, namespace)
    for (const event of batch) {
      if (query.matches(event) && (version === 0 || event.JobVersion === version)) {
        if (Items.length === query.limit) return { NextToken: encodePosition({ limit: query.limit, from }), Items }
        Items.push(event)
      }
      from = event.SeqNum + 1
    }
    if (batch.length < BATCH) break
    await turn()
  }
  return { NextToken: ended ? '' : encodePosition({ limit: query.limit, from }), Items }
}

/** Clients below v1.5 read what changed from these, and fail without. */
export function forOldClients(page: Page<JobHistory>, version: string | undefined): Page<JobHistory> {
  // Compared as text, as documented.
  if (version === undefined || version >= 'v1.5.') return page
  const Items = page.Items.map((event) => ({
    ...event,
    ...(event.Type === 'JobLevel' ? { JobState: {} } : { ExecutionState: {} }),
  }))
  return { ...page, Items }
}

/** Has the execution that is asked for ended, if it is one? */
async function hasExecutionEnded(
  orchestrator: Orchestrator,
  id: string,
  { executionId }: HistoryQuery,
  namespace: string | undefined,
): Promise<boolean> {
  if (executionId === undefined) return false
  const match = (run: { readonly id: string }) => run.id.startsWith(executionId)
  const { Items } = await orchestrator.listExecutions(id, { version: 0, match }, namespace)
  if (Items.length === 0) throw new BacalhauError('NotFound', `execution not found: ${executionId}`)
  return Items.every(isOver)
}

const isOver = ({ ComputeState }: Execution) => isFinalExecutionState(ComputeState.StateType as ExecutionState)
