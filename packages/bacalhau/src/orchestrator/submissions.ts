import { hash } from 'node:crypto'
import { JOB_TYPES, type Job, type Submission } from '@bacalhau/models'
import { BacalhauError } from '../runtime/error.ts'
import { differences, isSameJob, newJob, specOf, updatedJob } from './admission.ts'
import type { Dispatcher, DispatcherOptions } from './dispatcher.ts'
import type { InlineData } from './inline-data.ts'
import { type Readable, withJobResults } from './job-inputs.ts'
import { findId, newJobKey, readJob, requireJob, requireVersion } from './job-records.ts'
import type { OrchestratorTally } from './measures.ts'
import type { OpenJob } from './open-job.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import type { Receipt, Receipts, Stamp } from './receipts.ts'
import type { SubmitOptions } from './service.ts'

type Spec = Submission['spec']

/** One act of submitting. */
interface Act {
  readonly force: boolean
  readonly readable: Readable
  /** Its place among all, in nanoseconds since the epoch. */
  readonly time: number
  readonly stamp?: Stamp
}

export interface SubmissionsOptions extends Pick<DispatcherOptions, 'store' | 'clock' | 'random'> {
  readonly nodeId: () => string
  readonly dispatcher: Dispatcher
  readonly receipts: Receipts
  readonly inline: InlineData | undefined
  /** Throws for a spec that cannot be served, whichever nodes there are. */
  readonly check?: (spec: Spec) => void
  readonly tally: OrchestratorTally
  /** Submissions of one name, and changes of one job, one after the other. */
  readonly inTurn: OneAtATime
  /** When the newest job was created, in nanoseconds since the epoch. */
  readonly newest: number
}

/** Makes jobs, and new versions of them. */
export class Submissions {
  readonly #options: SubmissionsOptions
  /** Nanoseconds since the epoch of the newest job. */
  #newest: number

  constructor(options: SubmissionsOptions) {
    this.#options = options
    this.#newest = options.newest
  }

  async submit({ spec }: Submission, { force = false, once, readable = 'all' }: SubmitOptions = {}): Promise<Job> {
    // First of all, so that submissions keep their order whatever each has to wait for.
    const time = this.#timeOfCreation()
    if (once === undefined) return this.#submit(spec, { force, readable, time })
    const digest = hash('sha256', JSON.stringify([spec, force]))
    return this.#options.receipts.once(
      { ...once, namespace: spec.Namespace, digest },
      (stamp) => this.#submit(spec, { force, readable, time, stamp }),
      (receipt) => this.#recall(receipt, spec, time),
    )
  }

  async #submit(submitted: Spec, act: Act): Promise<Job> {
    const spec = await this.#fix(submitted, act.readable)
    if (spec.Name === '') return this.#create(spec, act)
    return this.#options.inTurn(`${spec.Namespace}\u0000${spec.Name}`, async () => {
      const id = await findId(this.#options.store, spec.Namespace, spec.Name)
      return id === undefined ? this.#create(spec, act) : this.#update(id, spec, act)
    })
  }

  /** What a submission made that was made before. Of a job that is not kept any more not much is known. */
  async #recall({ job: ID, version, type }: Receipt, spec: Spec, time: number): Promise<Job> {
    const row = await readJob(this.#options.store, ID)
    if (row !== undefined) return this.restore(await requireVersion(this.#options.store, row.job, version))
    const { Type, ...gone } = newJob(spec, this.#options.random, this.#options.nodeId(), time)
    const State = { StateType: 'Undefined', Message: 'the job is not kept any more' } as const
    const known = JOB_TYPES.find((name) => name === type) ?? Type
    return { ...gone, ID, Name: spec.Name || ID, Type: known, Version: version, State }
  }

  async diff(submission: Submission, { readable = 'all' }: Pick<SubmitOptions, 'readable'> = {}) {
    const spec = await this.#fix(submission.spec, readable)
    const id = spec.Name === '' ? undefined : await findId(this.#options.store, spec.Namespace, spec.Name)
    if (id === undefined) return []
    const { job } = await requireJob(this.#options.store, id)
    return differences(job, updatedJob(job, spec))
  }

  /** Runs a job once more, as it is or as a version of it was. */
  async rerun(job: Job, version?: number): Promise<Job> {
    return this.#options.inTurn(job.ID, async () => {
      const spec = await requireVersion(this.#options.store, job, version)
      await this.#options.inline?.require(spec)
      const open = await this.#options.dispatcher.jobs.reopen(job.ID)
      const { StateType } = open.job.State
      if (StateType === 'Pending' || StateType === 'Queued') {
        throw new BacalhauError('Conflict', `cannot rerun job in state ${StateType}`, {
          component: 'JobStore',
          hint: 'It has not run yet. Wait until it runs, or stop it first.',
        })
      }
      return this.#renew(open, updatedJob(open.job, specOf(spec)), 'Job rerun requested')
    })
  }

  /** The job with the large data that are kept apart from it. */
  async restore(job: Job): Promise<Job> {
    return this.#options.inline === undefined ? job : this.#options.inline.restore(job)
  }

  async #create(spec: Spec, { time, stamp }: Act): Promise<Job> {
    const job = newJob(spec, this.#options.random, this.#options.nodeId(), time)
    const row = { job, key: newJobKey(time), since: Math.floor(time / 1e6) }
    const admitted = await this.#options.dispatcher.jobs.admit(row, stamp?.(job, false))
    this.#options.tally.submitted()
    return admitted
  }

  #update(id: string, spec: Spec, { force, stamp }: Act): Promise<Job> {
    return this.#options.inTurn(id, async () => {
      const open = await this.#options.dispatcher.jobs.reopen(id)
      const updated = updatedJob(open.job, spec)
      if (!force && isSameJob(open.job, updated)) {
        throw new BacalhauError('Conflict', 'no changes detected', {
          component: 'JobStore',
          hint: 'Run it again with `bacalhau job rerun`, force a new version, or give it another name.',
        })
      }
      return this.#renew(open, updated, 'Job updated', stamp)
    })
  }

  async #renew(open: OpenJob, job: Job, message: string, stamp?: Stamp): Promise<Job> {
    const receipt = stamp?.({ ...job, Version: open.job.Version + 1 }, true)
    this.#options.dispatcher.jobs.renew(open, job, { topic: 'Submission', message }, receipt)
    const renewed = open.job
    await this.#options.dispatcher.journal.flushed()
    this.#options.tally.submitted()
    return renewed
  }

  /**
   * The spec as it is recorded: with the results of the jobs that it names, and large data kept by content, once for all jobs, and
   * shown again with a single job.
   */
  async #fix(submitted: Spec, readable: Readable): Promise<Spec> {
    this.#options.check?.(submitted)
    const spec = await withJobResults(submitted, this.#options.store, readable)
    return this.#options.inline === undefined ? spec : this.#options.inline.stow(spec)
  }

  /** Later than that of every job before, by a microsecond at least: listings and queues keep the order of submission. */
  #timeOfCreation(): number {
    this.#newest = Math.max(this.#options.clock.now() * 1e6, this.#newest + 1_000)
    return this.#newest
  }
}
