import type { Job } from '@bacalhau/models'
import { type ApiError, isApiError } from './api-error.ts'
import { readJobEvents } from './events.ts'
import { job, jobAnswer, jobPath, type JobOptions } from './job-address.ts'
import { sleep } from './platform.ts'
import { patiently } from './retry.ts'
import type { Transport } from './transport.ts'

export interface ChangeOptions extends JobOptions {
  /** Seconds after which the job is given as it then is, if nothing has changed: 1 to 60. */
  readonly seconds?: number
}

export interface WaitOptions extends JobOptions {
  /** Called with every state of the job that is seen, the first and the last included. */
  readonly onChange?: (job: Job) => void
  /** Called when the node was lost meanwhile, before each try to reach it again. */
  readonly onLost?: (error: ApiError) => void
}

/** Seconds for which one request for a change is held. */
const HELD = 30
/** The server answers within this many milliseconds after the time for which it holds a request. */
const MARGIN = 15_000
/** A server that answers at once without a change does not know how to wait. Milliseconds between questions to such a one. */
const PAUSE = 500
/** Jobs that are named to the event stream; of more it tells everything. Bounds the length of the address. */
const NAMED = 50
/** Jobs that are asked for at the same time. */
const AT_ONCE = 8

export async function waitForChange(
  transport: Transport,
  id: string,
  revision: number,
  { namespace, seconds = HELD, timeout = seconds * 1_000 + MARGIN, signal }: ChangeOptions = {},
): Promise<Job> {
  const query = { namespace, revision, wait: seconds }
  return job((await transport.ask('GET', jobPath(id), jobAnswer, { query, timeout, signal })).Job)
}

/** Everything that one waiting knows. */
interface Waiting {
  readonly transport: Transport
  readonly options: WaitOptions
  /** As they were last seen, by full id. */
  readonly seen: Map<string, Job>
}

/** Waits for the end of all of these jobs. */
export async function waitForAll(
  transport: Transport,
  ids: readonly string[],
  options: WaitOptions,
): Promise<readonly Job[]> {
  const waiting: Waiting = { transport, options, seen: new Map() }
  const found = await each(ids, (id) => look(waiting, id))
  const names = found.map(({ ID }) => ID)
  if (pendingOf(waiting).length > 0) await untilEnd(waiting)
  return names.flatMap((id) => waiting.seen.get(id) ?? [])
}

/** By the event stream; by questions that are held, one for each job, where the server has no such stream. */
async function untilEnd(waiting: Waiting): Promise<void> {
  try {
    await watch(waiting)
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'NotImplemented', 'MethodNotAllowed', 'BadAnswer')) throw error
    await Promise.all(pendingOf(waiting).map((id) => poll(waiting, id)))
  }
}

const pendingOf = ({ seen }: Waiting): string[] =>
  [...seen.values()].filter((job) => !hasEnded(job)).map(({ ID }) => ID)

async function watch(waiting: Waiting): Promise<void> {
  const { transport, options, seen } = waiting
  const { signal, onLost } = options
  const pending = new Set(pendingOf(waiting))
  const check = async (ids: readonly string[]) => {
    const jobs = await each(ids, (id) => patiently(() => look(waiting, id), transport.platform, options))
    for (const { ID } of jobs.filter(hasEnded)) pending.delete(ID)
  }
  const named = pending.size <= NAMED ? { jobIds: [...pending] } : {}
  const wanted = { ...named, ...(signal === undefined ? {} : { signal }), ...(onLost === undefined ? {} : { onLost }) }
  for await (const event of readJobEvents(transport, wanted, true)) {
    // What happened before the stream stood, or while it could not tell, is looked up.
    if (event.type === 'ready' || event.type === 'reset') await check([...pending])
    else if (event.type === 'job' && pending.has(event.job.JobID)) {
      const { JobID, Revision, State } = event.job
      const isNews = Revision > (seen.get(JobID)?.Revision ?? 0)
      if (isNews && (options.onChange !== undefined || hasEnded({ State }))) await check([JobID])
    }
    if (pending.size === 0) return
  }
}

async function poll(waiting: Waiting, id: string): Promise<void> {
  const { transport, options, seen } = waiting
  const { platform } = transport
  const { signal } = options
  // When nobody wants to hear of the steps in between, no revision is news but the last.
  const known = () => (options.onChange === undefined ? Number.MAX_SAFE_INTEGER : (seen.get(id)?.Revision ?? 0))
  for (let current = seen.get(id); current === undefined || !hasEnded(current); current = seen.get(id)) {
    const asked = platform.now()
    const held = signal === undefined ? {} : { signal }
    const next = await patiently(() => waitForChange(transport, id, known(), held), platform, options)
    const isNews = next.Revision !== current?.Revision
    tell(waiting, next)
    if (!isNews && platform.now() - asked < PAUSE) await sleep(platform, PAUSE, signal)
  }
}

async function look(waiting: Waiting, id: string): Promise<Job> {
  const { namespace, signal, timeout } = waiting.options
  const { transport } = waiting
  // A job that has been seen is asked for by its full id, which needs no namespace.
  const query = waiting.seen.has(id) ? {} : { namespace }
  return tell(waiting, job((await transport.ask('GET', jobPath(id), jobAnswer, { query, signal, timeout })).Job))
}

function tell({ seen, options }: Waiting, job: Job): Job {
  const before = seen.get(job.ID)
  if (before !== undefined && before.Revision >= job.Revision) return before
  seen.set(job.ID, job)
  options.onChange?.(job)
  return job
}

async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))))
  }
  return results
}

/** Has the job come to an end, of whatever kind? */
export const hasEnded = ({ State }: Pick<Job, 'State'>): boolean =>
  State.StateType === 'Completed' || State.StateType === 'Failed' || State.StateType === 'Stopped'
