import { CATALOGUE } from '../runtime/error-catalogue.ts'
import type { Unplaced } from './explain.ts'
import type { OpenJob } from './open-job.ts'
import type { OpenJobs } from './open-jobs.ts'
import { verdictOn } from './verdict.ts'

export interface StillWaitingOptions {
  readonly jobs: Pick<OpenJobs, 'fail' | 'wait'>
  readonly explain: (job: OpenJob) => Unplaced
  /** Are nodes still expected to come back after a restart? */
  readonly isSettling: () => boolean
}

/** Jobs of which it has to be said after a pass why they are not placed, or that they never will be. */
export class StillWaiting {
  readonly #options: StillWaitingOptions
  #due = new Set<OpenJob>()

  constructor(options: StillWaitingOptions) {
    this.#options = options
  }

  add(job: OpenJob): void {
    this.#due.add(job)
  }

  /** To be called after each pass. */
  judge(): void {
    const due = this.#due
    this.#due = new Set()
    const reasons = new Map<string, Unplaced>()
    for (const job of due) this.#judge(job, reasons)
  }

  /** A job that still waits: should it, and why? `reasons` remembers those of its shape. */
  #judge(job: OpenJob, reasons: Map<string, Unplaced>): void {
    const { ledger, agenda, shape } = job
    const waits = agenda.kind === 'partitions' ? job.waits : !agenda.begun
    if (!waits || ledger.isOver || ledger.active > 0) return
    const { explain, isSettling, jobs } = this.#options
    const why = (job.refusals.size === 0 ? reasons.get(shape) : undefined) ?? explain(job)
    if (job.refusals.size === 0) reasons.set(shape, why)
    const verdict = verdictOn(ledger.job, why, isSettling())
    if (verdict.kind === 'fail') jobs.fail(job, { ...verdict, hint: CATALOGUE[verdict.code].hint })
    else jobs.wait(job, verdict.message)
  }
}
