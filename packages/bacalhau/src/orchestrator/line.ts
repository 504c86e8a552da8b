import type { OpenJob } from './open-job.ts'

/**
 * Jobs of one priority and one shape that wait for a node, the one that has waited longest first. Almost always jobs come at
 * the end and go at the beginning: that takes constant time, however long the line.
 */
export class Line {
  readonly priority: number
  readonly shape: string
  #jobs: OpenJob[] = []
  /** Those before it have gone. */
  #start = 0

  constructor(priority: number, shape: string) {
    this.priority = priority
    this.shape = shape
  }

  get size(): number {
    return this.#jobs.length - this.#start
  }

  get head(): OpenJob | undefined {
    return this.#jobs[this.#start]
  }

  /** The job at this place, from 0. */
  at(place: number): OpenJob | undefined {
    return this.#jobs[this.#start + place]
  }

  add(job: OpenJob): void {
    const last = this.#jobs.at(-1)
    if (last === undefined || this.size === 0 || waitsBefore(last, job)) this.#jobs.push(job)
    else this.#jobs.splice(this.#placeOf(job), 0, job)
    job.line = this
  }

  remove(job: OpenJob): void {
    if (job.line !== this) return
    job.line = undefined
    if (this.head === job) this.#start += 1
    else this.#jobs.splice(this.#placeOf(job), 1)
    if (this.#start <= 64 || this.#start * 2 <= this.#jobs.length) return
    this.#jobs = this.#jobs.slice(this.#start)
    this.#start = 0
  }

  [Symbol.iterator](): IterableIterator<OpenJob> {
    return this.#jobs.slice(this.#start).values()
  }

  /** Where a job stands, or would stand. Found by halving. */
  #placeOf(job: OpenJob): number {
    let [from, to] = [this.#start, this.#jobs.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const other = this.#jobs[middle]
      if (other !== undefined && other !== job && waitsBefore(other, job)) from = middle + 1
      else to = middle
    }
    return from
  }
}

/** Has `a` waited longer than `b`? No two jobs are equal in this. */
export function waitsBefore({ ledger: a }: OpenJob, { ledger: b }: OpenJob): boolean {
  return a.since === b.since ? a.key < b.key : a.since < b.since
}
