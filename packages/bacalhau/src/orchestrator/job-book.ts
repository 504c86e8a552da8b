import { isFinalJobState } from '@bacalhau/models'
import { messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store } from '../store/store.ts'
import { lastSequence, readExecutions, readJob } from './job-records.ts'
import { type JobHost, type OpenJob, openJob } from './open-job.ts'

/** The open jobs, and among them those that wait for a node, in the order in which they are served. */
export class JobBook {
  readonly #jobs = new Map<string, OpenJob>()
  readonly #line: OpenJob[] = []
  /** How many jobs of each shape wait. */
  readonly #shapes = new Map<string, number>()

  get(jobId: string): OpenJob | undefined {
    return this.#jobs.get(jobId)
  }

  get size(): number {
    return this.#jobs.size
  }

  /** Jobs with partitions to place, by priority, then age. Not to be kept: it changes with the jobs. */
  get line(): readonly OpenJob[] {
    return this.#line
  }

  /** Different shapes among the jobs that wait. */
  get shapes(): number {
    return this.#shapes.size
  }

  /** Takes up a job, or puts it in or out of the line as its ledger says now. */
  update(job: OpenJob): void {
    this.#jobs.set(job.ledger.job.ID, job)
    const waits = job.ledger.waiting.size > 0 && !isFinalJobState(job.ledger.job.State.StateType)
    const place = this.#placeOf(job)
    const stands = this.#line[place] === job
    if (waits === stands) return
    this.#line.splice(place, stands ? 1 : 0, ...(waits ? [job] : []))
    const count = (this.#shapes.get(job.shape) ?? 0) + (waits ? 1 : -1)
    if (count === 0) this.#shapes.delete(job.shape)
    else this.#shapes.set(job.shape, count)
  }

  /** Forgets a job that has ended. */
  remove(job: OpenJob): void {
    this.#jobs.delete(job.ledger.job.ID)
  }

  /** Where a job stands in the line, or would stand. Found by halving: the line may be long. */
  #placeOf(job: OpenJob): number {
    let [from, to] = [0, this.#line.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const other = this.#line[middle]
      if (other !== undefined && order(other, job) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}

/** No two jobs are equal in this order. */
function order({ ledger: { job: a } }: OpenJob, { ledger: { job: b } }: OpenJob): number {
  return b.Priority - a.Priority || a.CreateTime - b.CreateTime || (a.ID < b.ID ? -1 : a.ID > b.ID ? 1 : 0)
}

/** Reads the jobs that had not ended when the store was last written. A damaged record is reported and left alone. */
export async function loadOpenJobs(store: Store, host: JobHost, logger: Logger): Promise<OpenJob[]> {
  const jobs: OpenJob[] = []
  for (const { key } of await store.range('job-open', { limit: Number.MAX_SAFE_INTEGER })) {
    try {
      const job = await readJob(store, key)
      if (job === undefined || isFinalJobState(job.State.StateType)) continue
      jobs.push(openJob(job, await readExecutions(store, key), await lastSequence(store, key), host))
    } catch (error) {
      logger.error({ jobId: key, error: messageOf(error) }, 'a job cannot be read; it is left alone')
    }
  }
  return jobs
}
