import type { Job, Page } from '@bacalhau/models'
import { z } from 'zod'
import { LIMITS } from '../runtime/limits.ts'
import { turn } from '../runtime/turn.ts'
import type { Row, Store } from '../store/store.ts'
import { satisfies } from './constraints.ts'
import { decodeToken, encodeToken, type IndexEntry, parseStored, readJob, timeKey } from './job-records.ts'
import type { ListJobsQuery } from './service.ts'

/** Where a listing goes on, and how it began: whoever passes a token need not repeat the rest. */
interface Position {
  readonly order: 'created_at' | 'modified_at'
  readonly reverse: boolean
  readonly limit: number
  /** Key of the last job that was shown; absent at the beginning. */
  readonly after?: string
}

/** Index rows that are looked through, and jobs that are read, before others get their turn. */
const [BATCH, READ] = [500, 100]

/** A page of jobs. By time of creation it reads no more jobs than it shows, however many there are. */
export async function listJobs(store: Store, query: ListJobsQuery): Promise<Page<Job>> {
  const position = positionOf(query)
  const keys =
    position.order === 'created_at' ? byCreation(store, query, position) : await byChange(store, query, position)
  const Items: Job[] = []
  let last = ''
  // Many large pages that are asked for at once begin one after the other, too.
  if (position.limit > READ) await turn()
  for await (const key of keys) {
    if (Items.length === position.limit) return { Items, NextToken: formatPosition({ ...position, after: last }) }
    const row = await readJob(store, idOf(key))
    if (row === undefined) continue
    Items.push(row.job)
    last = key
    if (Items.length % READ === 0) await turn()
  }
  return { Items, NextToken: '' }
}

/** Keys of the jobs that are asked for. */
async function* byCreation(store: Store, query: ListJobsQuery, { reverse, after }: Position): AsyncGenerator<string> {
  const matches = matcher(store, query)
  for (let from = after; ;) {
    const rows = await store.range('job-by-time', {
      reverse,
      limit: BATCH,
      ...(from === undefined ? {} : { after: from }),
    })
    for (const row of rows) if (await matches(row)) yield row.key
    if (rows.length < BATCH) return
    from = rows.at(-1)?.key
    // The store answers at once: without a pause a long search would hold up everything else.
    await turn()
  }
}

/** Only the beginning of a record is needed to order it. */
const changedSchema = z.object({ job: z.object({ ModifyTime: z.number() }) })
const oldChangedSchema = z.object({ ModifyTime: z.number() }).transform((job) => ({ job }))

/**
 * No index follows every change of every job: that would cost each change more than these rare listings are worth. The jobs
 * that were created last are looked through instead.
 */
async function byChange(store: Store, query: ListJobsQuery, { reverse, after }: Position): Promise<readonly string[]> {
  const keys: string[] = []
  let seen = 0
  for await (const created of byCreation(store, query, { order: 'created_at', reverse: true, limit: 0 })) {
    const id = idOf(created)
    const value = await store.get('job', id)
    if (value !== undefined) {
      const { ModifyTime } = parseStored(z.union([changedSchema, oldChangedSchema]), value, `job ${id}`).job
      keys.push(timeKey(ModifyTime, id))
    }
    seen += 1
    if (seen === LIMITS.scannedJobs) break
    if (seen % READ === 0) await turn()
  }
  keys.sort()
  if (reverse) keys.reverse()
  return after === undefined ? keys : keys.filter((key) => (reverse ? key < after : key > after))
}

/** Does a row of the index belong to a job that is asked for? */
function matcher(store: Store, { namespace, namespaces, labels = [] }: ListJobsQuery) {
  const everywhere = namespace === undefined || namespace === '' || namespace === '*'
  return async ({ key, value }: Row): Promise<boolean> => {
    const entry = await entryOf(store, key, value, labels.length > 0)
    if (!everywhere && entry.Namespace !== namespace) return false
    if (namespaces?.includes(entry.Namespace) === false) return false
    return labels.every((constraint) => satisfies(entry.Labels ?? {}, constraint))
  }
}

/** Older rows hold the namespace alone; the labels are then in the job. */
async function entryOf(store: Store, key: string, value: unknown, labelled: boolean): Promise<IndexEntry> {
  if (typeof value !== 'string') return value as IndexEntry
  return (labelled ? (await readJob(store, idOf(key)))?.job : undefined) ?? { Namespace: value }
}

const idOf = (key: string): string => key.slice(key.indexOf('/') + 1)

function positionOf({ order = 'created_at', reverse = false, limit, nextToken }: ListJobsQuery): Position {
  if (nextToken !== undefined && nextToken !== '') return parsePosition(nextToken)
  return { order, reverse, limit: Math.min(limit || LIMITS.defaultPage, LIMITS.page) }
}

/** The documented form: base64url of `order:flag:limit:position`. */
const formatPosition = ({ order, reverse, limit, after = '' }: Position): string =>
  encodeToken(`${order}:${reverse ? 'Y' : 'N'}:${limit}:${after}`)

function parsePosition(token: string): Position {
  const text = decodeToken(token, /^(?:created_at|modified_at):[YN]:[1-9]\d{0,3}:\d{18}\/j-[\w-]+$/)
  const [order = '', flag, limit, after = ''] = text.split(':')
  return {
    order: order === 'modified_at' ? order : 'created_at',
    reverse: flag === 'Y',
    limit: Math.min(Number(limit), LIMITS.page),
    after,
  }
}
