import {
  type Execution,
  executionSchema,
  type Job,
  type JobHistory,
  jobHistorySchema,
  jobSchema,
  parseRecord,
  type Page,
} from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { put, type Store, type Write } from '../store/store.ts'
import type { ListJobsQuery } from './service.ts'

/** Keys and reading of everything that an orchestrator stores. */

export const executionKey = ({ JobID, ID }: Pick<Execution, 'JobID' | 'ID'>): string => `${JobID}/${ID}`
export const historyKey = (jobId: string, sequence: number): string => `${jobId}/${String(sequence).padStart(12, '0')}`
const nameKey = (namespace: string, name: string): string => `${namespace}\u0000${name}`
const timeKey = ({ CreateTime, ID }: Job): string => `${String(Math.floor(CreateTime / 1e3)).padStart(18, '0')}/${ID}`

/** Index entries of a new job. A name points at the newest job that bears it. */
export function jobIndexes(job: Job): Write[] {
  return [put('job-by-time', timeKey(job), job.Namespace), put('job-by-name', nameKey(job.Namespace, job.Name), job.ID)]
}

export function parseStored<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const parsed = parseRecord(schema, value)
  if (parsed.ok) return parsed.value
  throw new BacalhauError('StoreCorrupt', `the record of ${what} is damaged: ${parsed.problems[0]?.message ?? ''}`, {
    component: 'JobStore',
    hint: 'Restore the store from a back-up.',
  })
}

/** The job that `idOrName` means: a name, a full id, or a beginning of an id that only one job has. */
export async function findJob(store: Store, idOrName: string, namespace = 'default'): Promise<Job> {
  const named = await store.get('job-by-name', nameKey(namespace === '' ? 'default' : namespace, idOrName))
  const exact = await readJob(store, typeof named === 'string' ? named : idOrName)
  if (exact !== undefined) return exact
  const prefixed = idOrName.length < 3 ? [] : await store.range('job', { prefix: idOrName, limit: 2 })
  if (prefixed.length > 1) {
    throw new BacalhauError('Conflict', `multiple jobs found for id ${idOrName}`, {
      component: 'JobStore',
      hint: 'Use full job ID',
    })
  }
  const [row] = prefixed
  if (row !== undefined) return parseStored(jobSchema, row.value, `job ${row.key}`)
  throw notFound(idOrName)
}

/** The job with this id. */
export async function requireJob(store: Store, id: string): Promise<Job> {
  const job = await readJob(store, id)
  if (job === undefined) throw notFound(id)
  return job
}

function notFound(idOrName: string): BacalhauError {
  return new BacalhauError('NotFound', `job not found: ${idOrName}`, {
    component: 'JobStore',
    hint: 'List jobs with `bacalhau job list`.',
  })
}

export async function readJob(store: Store, id: string): Promise<Job | undefined> {
  const value = id === '' ? undefined : await store.get('job', id)
  return value === undefined ? undefined : parseStored(jobSchema, value, `job ${id}`)
}

export async function readExecutions(store: Store, jobId: string): Promise<Execution[]> {
  const rows = await store.range('execution', { prefix: `${jobId}/`, limit: Number.MAX_SAFE_INTEGER })
  return rows
    .map(({ key, value }) => parseStored(executionSchema, value, `execution ${key}`))
    .toSorted((a, b) => a.CreateTime - b.CreateTime || a.PartitionIndex - b.PartitionIndex)
}

export async function readHistory(store: Store, jobId: string, after: number, limit: number): Promise<JobHistory[]> {
  const rows = await store.range('history', { prefix: `${jobId}/`, after: historyKey(jobId, after), limit })
  return rows.map(({ key, value }) => parseStored(jobHistorySchema, value, `event ${key}`))
}

/** Sequence number of the last event of a job, 0 when there is none. */
export async function lastSequence(store: Store, jobId: string): Promise<number> {
  const [row] = await store.range('history', { prefix: `${jobId}/`, reverse: true, limit: 1 })
  return row === undefined ? 0 : Number(row.key.slice(jobId.length + 1))
}

/** A page of jobs by time of creation. Reads no more rows than it needs, however many jobs there are. */
export async function listJobs(store: Store, query: ListJobsQuery): Promise<Page<Job>> {
  const limit = query.limit === undefined || query.limit === 0 ? LIMITS.page : Math.min(query.limit, LIMITS.page)
  const everywhere = query.namespace === undefined || query.namespace === '' || query.namespace === '*'
  const items: Job[] = []
  let after = query.nextToken === undefined || query.nextToken === '' ? undefined : decodeToken(query.nextToken)
  for (;;) {
    const rows = await store.range('job-by-time', {
      reverse: query.reverse ?? false,
      limit: limit + 1 - items.length,
      ...(after === undefined ? {} : { after }),
    })
    for (const { key, value } of rows) {
      if (!everywhere && value !== query.namespace) {
        after = key
        continue
      }
      if (items.length === limit) return { Items: items, NextToken: encodeToken(after ?? '') }
      const job = await readJob(store, key.slice(key.indexOf('/') + 1))
      if (job !== undefined) items.push(job)
      after = key
    }
    if (rows.length === 0 || items.length > limit) return { Items: items, NextToken: '' }
  }
}

const encodeToken = (key: string): string => Buffer.from(key).toString('base64url')

function decodeToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString('utf8')
  if (/^\d{18}\/j-[\w-]+$/.test(key)) return key
  throw new BacalhauError('BadRequest', 'invalid next token', {
    hint: 'Pass the NextToken of the previous page unchanged.',
  })
}
