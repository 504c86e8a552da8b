import { type Execution, type Job, type JobHistory, jobSchema, type Page, parseRecord } from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { turn } from '../runtime/turn.ts'
import { clear, put, remove, type Store, type Write } from '../store/store.ts'
import { historyRowSchema, unpackRow } from './history.ts'
import { fromStored, type Run, storedRunSchema, toExecution } from './run.ts'
import type { ListExecutionsQuery } from './service.ts'

/** Keys and reading of everything that an orchestrator stores about jobs. */

/** A job as it is stored. */
export interface JobRow {
  readonly job: Job
  /**
   * Begins the keys of its executions and events. It grows with time, so that what is written together lies together; the
   * id of a job is random.
   */
  readonly key: string
  /** When this version began to wait, in milliseconds since the epoch. */
  readonly since: number
}

/** Where a job belongs and how it is labelled. */
export interface IndexEntry {
  readonly Namespace: string
  readonly Labels?: Readonly<Record<string, string>>
}

const rowSchema = z.strictObject({ job: jobSchema, key: z.string().min(1), since: z.number() })

/** Stores of the first layout hold the job alone; its id began the keys. */
const storedJobSchema = z.union([
  rowSchema,
  jobSchema.transform((job): JobRow => ({ job, key: job.ID, since: Math.floor(job.CreateTime / 1e6) })),
])

/** Jobs that are read in one go where all are read: other work gets its turn between. */
const SPECS = 50
/** Executions of one job that are looked at before other work gets its turn: a task array has a hundred thousand. */
const BATCH = 200

const digits = (value: number, length: number): string => String(value).padStart(length, '0')

/** The key of a new job: microseconds of its creation, which no other job of this orchestrator shares. */
export const newJobKey = (createTime: number): string => digits(Math.floor(createTime / 1e3), 18)
export const runKey = (jobKey: string, ordinal: number): string => `${jobKey}/${digits(ordinal, 8)}`
/** The key of a row of events is the number of its last one. */
export const historyKey = (jobKey: string, sequence: number): string => `${jobKey}/${digits(sequence, 12)}`
/** How the keys of many begin: of executions and of events that are dropped together. */
export const [RUN_BLOCK, EVENT_BLOCK] = [100, 1_000]
export const runKeys = (jobKey: string, block: number): string => `${jobKey}/${digits(block, 6)}`
export const historyKeys = (jobKey: string, block: number): string => `${jobKey}/${digits(block, 9)}`
export const versionKey = (jobId: string, version: number): string => `${jobId}/${digits(version, 6)}`
const nameKey = (namespace: string, name: string): string => `${namespace}\u0000${name}`
/** Orders jobs by a time of theirs, which is in nanoseconds since the epoch. */
export const timeKey = (time: number, id: string): string => `${digits(Math.floor(time / 1e3), 18)}/${id}`

/** What listings choose by, so that they read only the jobs that they show. It has to be written again with new labels. */
export function timeIndex({ CreateTime, ID, Namespace, Labels }: Job): Write {
  const entry: IndexEntry = Object.keys(Labels).length === 0 ? { Namespace } : { Namespace, Labels }
  return put('job-by-time', timeKey(CreateTime, ID), entry)
}

/** Index entries of a new job. One without a name of its own is found by its id. */
export function jobIndexes(job: Job): Write[] {
  const byTime = timeIndex(job)
  return job.Name === job.ID ? [byTime] : [byTime, put('job-by-name', nameKey(job.Namespace, job.Name), job.ID)]
}

/** Takes an ended job out of the store. Its name may belong to another one by now. */
export async function forgetJob(store: Store, { job, key }: JobRow): Promise<Write[]> {
  const named = await findId(store, job.Namespace, job.Name)
  return [
    remove('job', job.ID),
    remove('job-by-time', timeKey(job.CreateTime, job.ID)),
    ...(named === job.ID ? [remove('job-by-name', nameKey(job.Namespace, job.Name))] : []),
    clear('job-version', `${job.ID}/`),
    clear('execution', `${key}/`),
    clear('history', `${key}/`),
  ]
}

export function parseStored<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const parsed = parseRecord(schema, value)
  if (parsed.ok) return parsed.value
  throw new BacalhauError('StoreCorrupt', `the record of ${what} is damaged: ${parsed.problems[0]?.message ?? ''}`, {
    component: 'JobStore',
    hint: 'Restore the store from a back-up.',
  })
}

const parseJob = (value: unknown, id: string): JobRow => parseStored(storedJobSchema, value, `job ${id}`)

/**
 * The job that `idOrName` means: that of this id, of this name, or of an id that begins so and is the only one. Whoever names a
 * job like the id of another one does not stand in its way.
 */
export async function findJob(store: Store, idOrName: string, namespace = 'default'): Promise<JobRow> {
  const exact = (await readJob(store, idOrName)) ?? (await readNamed(store, namespace || 'default', idOrName))
  if (exact !== undefined) return exact
  const prefixed = idOrName.length < 3 ? [] : await store.range('job', { prefix: idOrName, limit: 2 })
  if (prefixed.length > 1) {
    throw new BacalhauError('Conflict', `multiple jobs found for id ${idOrName}`, {
      component: 'JobStore',
      hint: 'Use full job ID',
    })
  }
  const [row] = prefixed
  if (row !== undefined) return parseJob(row.value, row.key)
  throw notFound(idOrName)
}

async function readNamed(store: Store, namespace: string, name: string): Promise<JobRow | undefined> {
  const id = await store.get('job-by-name', nameKey(namespace, name))
  return typeof id === 'string' ? readJob(store, id) : undefined
}

/** Id of the job with this very name. */
export async function findId(store: Store, namespace: string, name: string): Promise<string | undefined> {
  const id = await store.get('job-by-name', nameKey(namespace, name))
  if (typeof id === 'string') return id
  // A job that was given no name bears its id.
  const unnamed = name.startsWith('j-') ? await readJob(store, name) : undefined
  return unnamed?.job.Name === name && unnamed.job.Namespace === namespace ? name : undefined
}

/** The job with this id. */
export async function requireJob(store: Store, id: string): Promise<JobRow> {
  const row = await readJob(store, id)
  if (row === undefined) throw notFound(id)
  return row
}

function notFound(idOrName: string): BacalhauError {
  return new BacalhauError('NotFound', `job not found: ${idOrName}`, {
    component: 'JobStore',
    hint: 'List jobs with `bacalhau job list`.',
  })
}

export async function readJob(store: Store, id: string): Promise<JobRow | undefined> {
  const value = id === '' ? undefined : await store.get('job', id)
  return value === undefined ? undefined : parseJob(value, id)
}

/** An earlier version of a job. */
export async function readVersion(store: Store, jobId: string, version: number): Promise<Job | undefined> {
  const value = await store.get('job-version', versionKey(jobId, version))
  return value === undefined ? undefined : parseStored(jobSchema, value, `version ${version} of job ${jobId}`)
}

/** A version of a job; the given record itself where none is named, or this one. */
export async function requireVersion(store: Store, job: Job, version: number | undefined): Promise<Job> {
  if (version === undefined || version === 0 || version === job.Version) return job
  const old = await readVersion(store, job.ID, version)
  if (old !== undefined) return old
  throw new BacalhauError('NotFound', `job version ${version} not found for job ${job.ID}`, {
    component: 'JobStore',
    hint: `See \`bacalhau job versions ${job.ID}\`.`,
  })
}

/** All earlier versions, oldest first. */
export async function readVersions(store: Store, jobId: string): Promise<Job[]> {
  const rows = await store.range('job-version', { prefix: `${jobId}/`, limit: LIMITS.page })
  return rows.map(({ key, value }) => parseStored(jobSchema, value, `version ${key}`))
}

/** All versions of all jobs, in no order. Those whose record is damaged are left out. */
export async function* readSpecs(store: Store): AsyncGenerator<Job> {
  for (const table of ['job', 'job-version'] as const) {
    for (let after: string | undefined; ;) {
      const rows = await store.range(table, { limit: SPECS, ...(after === undefined ? {} : { after }) })
      for (const { value } of rows) {
        const parsed = parseRecord(storedJobSchema, value)
        if (parsed.ok) yield parsed.value.job
      }
      after = rows.at(-1)?.key
      if (rows.length < SPECS) break
    }
  }
}

export interface StoredRun {
  readonly key: string
  /** Its place among the executions of the job, from 0. */
  readonly ordinal: number
  readonly run: Run
}

/** Executions of a job in the order of their placement, `limit` at a time, so that a large job does not fill the memory. */
export async function* readRuns(store: Store, jobKey: string, after?: string): AsyncGenerator<StoredRun> {
  for (let from = after; ;) {
    const rows = await store.range('execution', {
      prefix: `${jobKey}/`,
      limit: LIMITS.page,
      ...(from === undefined ? {} : { after: from }),
    })
    for (const [index, { key, value }] of rows.entries()) {
      const ordinal = Number(key.slice(jobKey.length + 1))
      // Keys of the first layout end in the id of the execution.
      yield {
        key,
        ordinal: Number.isNaN(ordinal) ? index : ordinal,
        run: fromStored(parseStored(storedRunSchema, value, `execution ${key}`)),
      }
    }
    from = rows.at(-1)?.key
    if (rows.length < LIMITS.page) return
  }
}

/** A page of the executions of one version of a job (0: of all), in the order of their placement. */
export async function listExecutions(
  store: Store,
  { job, key }: JobRow,
  { limit = 0, nextToken = '', version = job.Version, match }: ListExecutionsQuery,
): Promise<Page<Execution>> {
  const most = limit === 0 ? LIMITS.page : Math.min(limit, LIMITS.page)
  const after = nextToken === '' ? undefined : decodeToken(nextToken, /^[\w-]+\/[\w-]+$/)
  const items: Execution[] = []
  let last = ''
  let seen = 0
  for await (const { key: runKey, run } of readRuns(store, key, after)) {
    seen += 1
    if (seen % BATCH === 0) await turn()
    if (version !== 0 && run.version !== version) continue
    if (match?.(run) === false) continue
    if (items.length === most) return { Items: items, NextToken: encodeToken(last) }
    items.push(toExecution(run, job))
    last = runKey
  }
  return { Items: items, NextToken: '' }
}

/** Events with numbers above `after`, at most `limit`. */
export async function readHistory(
  store: Store,
  { job, key }: { readonly job: Pick<Job, 'ID'>; readonly key: string },
  after: number,
  limit: number,
): Promise<JobHistory[]> {
  const events: JobHistory[] = []
  // A row holds one event or hundreds: only so many are read as are likely to be needed.
  for (let [from, most] = [historyKey(key, after), 4]; events.length < limit; most = Math.min(2 * most, 64)) {
    const rows = await store.range('history', { prefix: `${key}/`, after: from, limit: most })
    for (const row of rows) {
      if (events.length >= limit) break
      const parsed = parseStored(historyRowSchema, row.value, `event ${row.key}`)
      events.push(...unpackRow(job.ID, parsed).filter(({ SeqNum }) => SeqNum > after))
      from = row.key
    }
    if (rows.length < most) break
  }
  return events.slice(0, limit)
}

/** Sequence number of the last event of a job, 0 when there is none. */
export async function lastSequence(store: Store, jobKey: string): Promise<number> {
  const [row] = await store.range('history', { prefix: `${jobKey}/`, reverse: true, limit: 1 })
  return row === undefined ? 0 : Number(row.key.slice(jobKey.length + 1))
}

/** When the newest job was created, in nanoseconds since the epoch; 0 when there is none. */
export async function newestJob(store: Store): Promise<number> {
  const [row] = await store.range('job-by-time', { reverse: true, limit: 1 })
  return row === undefined ? 0 : Number(row.key.slice(0, row.key.indexOf('/'))) * 1e3
}

export const encodeToken = (key: string): string => Buffer.from(key).toString('base64url')

/** What a token of ours says; throws `BadRequest` for anything else. */
export function decodeToken(token: string, form: RegExp): string {
  const key = Buffer.from(token, 'base64url').toString('utf8')
  if (form.test(key)) return key
  throw new BacalhauError('BadRequest', 'invalid next token', {
    hint: 'Pass the NextToken of the previous page unchanged.',
  })
}
