import { type Job, MAX_OFFERED_EXECUTIONS, type OrderMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import { newExecutionId } from '../runtime/ids.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Journal } from '../store/journal.ts'
import type { Store, Write } from '../store/store.ts'
import { type Assignment, Assignments } from './assignments.ts'
import { type Failure, failureDetails } from './failure.ts'
import type { HistoryEvent } from './history.ts'
import type { Taken } from './job-ledger.ts'
import { loadOpenJobs, loadJob } from './load-jobs.ts'
import type { JobRow } from './job-records.ts'
import { OpenJob } from './open-job.ts'
import { RunOutcomes } from './run-outcomes.ts'
import type { Placement } from './scheduler.ts'
import { queueTimeout, startTimeouts } from './timeouts.ts'
import { WaitingLines } from './waiting-lines.ts'

export interface OpenJobsOptions {
  readonly store: Store
  readonly journal: Journal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Leaves an order for a node, as part of the present unit. */
  readonly post: (nodeId: string, message: OrderMessage) => void
  /** Something about this job is durably different. */
  readonly onChange: (job: OpenJob, taken: Taken) => void
  /** There is more work to place, or more room on a node. */
  readonly onOpportunity: (change: { readonly job?: OpenJob; readonly node?: string }) => void
  /** A run was completed: how long it took and what it made are known. */
  readonly onCompleted: (assignment: Assignment, milliseconds: number | undefined) => void
}

/**
 * The jobs that have not ended. Every change of one of them is made here: in memory at once, in the unit of whatever caused
 * it; what follows outside (an order to a node, an answer) happens when that unit is durable.
 */
export class OpenJobs {
  readonly assignments = new Assignments()
  readonly lines = new WaitingLines()
  /** Jobs that run on every fitting node. */
  readonly everywhere = new Set<OpenJob>()
  readonly outcomes: RunOutcomes
  readonly #options: OpenJobsOptions
  readonly #jobs = new Map<string, OpenJob>()
  /** Ended jobs that are being taken up again. */
  readonly #loading = new Map<string, Promise<OpenJob>>()
  readonly #timeouts = new Map<OpenJob, Timer>()
  /** Runs of the present pass, by job and node. */
  #offers = new Map<OpenJob, Map<string, { id: string; partition: number }[]>>()

  constructor(options: OpenJobsOptions) {
    this.#options = options
    this.outcomes = new RunOutcomes({
      ...options,
      assignments: this.assignments,
      lines: this.lines,
      touch: (job) => this.#touch(job),
      fail: (job, failure) => this.fail(job, failure),
    })
  }

  get size(): number {
    return this.#jobs.size
  }

  get(jobId: string): OpenJob | undefined {
    return this.#jobs.get(jobId)
  }

  /** Is something being done with this job, whether it has ended or not? */
  isBusy(jobId: string): boolean {
    return this.#jobs.has(jobId) || this.#loading.has(jobId)
  }

  /** Takes up the jobs that were open when the orchestrator last stopped, and says how many they are. */
  async recover(): Promise<number> {
    const { store, logger } = this.#options
    for await (const job of loadOpenJobs(store, logger, (start) => this.#create(start))) {
      for (const run of job.ledger.runs()) this.assignments.add(job, run)
      this.#take(job)
    }
    return this.#jobs.size
  }

  /**
   * Records a new job, and `beside` in the same unit; resolves when it will survive a crash. Rejects, and forgets it, when it
   * cannot be written.
   */
  async admit(row: JobRow, beside: readonly Write[] = []): Promise<Job> {
    const job = this.#create({ ...row, sequence: 0, ordinal: 0 })
    const { ID } = job.job
    job.ledger.open(beside)
    this.outcomes.settle(job)
    const admitted = job.job
    // Known at once, so that whoever finds it in the store changes this very record and no copy of it.
    this.#jobs.set(ID, job)
    const writes = job.ledger.takeWrites()
    const taken = job.ledger.showTaken()
    try {
      await this.#options.store.commit(writes)
    } catch (error) {
      job.isVoid = true
      this.#jobs.delete(ID)
      throw error
    }
    this.#written(job, taken)
    if (!job.ledger.isOver && !this.#timeouts.has(job)) this.#take(job)
    // Who found it in the store before we heard that it is there may have changed it since: that is not certain yet.
    return admitted
  }

  /** The job as an open one, although it may have ended. It is forgotten again when nothing becomes of it. */
  async reopen(jobId: string): Promise<OpenJob> {
    const open = this.#jobs.get(jobId)
    if (open !== undefined) return open
    const loading =
      this.#loading.get(jobId) ??
      loadJob(this.#options.store, jobId, (start) => this.#create(start)).finally(() => this.#loading.delete(jobId))
    this.#loading.set(jobId, loading)
    const job = await loading
    return this.#jobs.get(jobId) ?? job
  }

  /** Begins a new version of a job; durable when the present unit is. */
  renew(job: OpenJob, spec: Job, event: HistoryEvent, beside: readonly Write[] = []): void {
    this.outcomes.cancelAll(job, 'Execution stopped for job update')
    this.#leave(job)
    job.ledger.renew(spec, event, beside)
    job.replan()
    // Also one that is over at once is known until its end is written: who takes it up meanwhile must not find an older one.
    this.#jobs.set(job.job.ID, job)
    this.outcomes.settle(job)
    this.#touch(job)
    if (!job.ledger.isOver) this.#take(job)
  }

  /** Ends an open job on its owner's behalf. */
  stop(job: OpenJob, reason: string): void {
    const message = 'Job requested to stop before completion'
    job.ledger.event({ topic: 'Scheduling', message, details: { Actor: 'user', Reason: reason } })
    this.outcomes.cancelAll(job, 'Execution stop requested because job has been stopped')
    job.ledger.setJobState('Stopped', reason)
    this.#touch(job)
  }

  fail(job: OpenJob, failure: Failure): void {
    if (job.ledger.isOver) return
    const bounded = { ...failure, message: failure.message.slice(0, LIMITS.message) }
    this.outcomes.cancelAll(job, 'Execution stopped due to job failure')
    job.ledger.setJobState('Failed', bounded.message, failureDetails(bounded))
    this.#touch(job)
  }

  /** The job waits for a node, and why. */
  wait(job: OpenJob, why: string): void {
    const { StateType } = job.job.State
    if (StateType !== 'Pending' && StateType !== 'Running') return
    job.ledger.setJobState('Queued', why)
    this.#touch(job)
  }

  /** Makes a run. It is offered with the others of the pass. */
  place(job: OpenJob, { node, partition }: Placement): void {
    const previous = job.troubleOf({ node, partition })?.previous
    const id = newExecutionId(this.#options.random)
    const run = job.ledger.addRun(id, node, partition, job.resources, previous)
    job.agenda.take(run)
    this.assignments.add(job, run)
    const nodes = this.#offers.get(job) ?? new Map<string, { id: string; partition: number }[]>()
    this.#offers.set(job, nodes)
    const offered = nodes.get(node)
    if (offered === undefined) nodes.set(node, [{ id, partition }])
    else offered.push({ id, partition })
    this.#options.onOpportunity({ node })
  }

  /** Looks whether the job is done. */
  conclude(job: OpenJob): void {
    this.outcomes.settle(job)
    this.#touch(job)
  }

  /** Leaves the offers of what was placed since the last call. */
  sendOffers(): void {
    const offers = this.#offers
    this.#offers = new Map()
    for (const [job, nodes] of offers) {
      this.#touch(job)
      for (const [node, executions] of nodes) {
        for (let from = 0; from < executions.length; from += MAX_OFFERED_EXECUTIONS) {
          const some = executions.slice(from, from + MAX_OFFERED_EXECUTIONS)
          this.#options.post(node, { type: 'offer', job: job.job, resources: job.resources, executions: some })
        }
      }
    }
  }

  /** What was decided stays to be written. The jobs stay open: they are taken up again at the next start. */
  close(): void {
    for (const timer of this.#timeouts.values()) timer.cancel()
    this.outcomes.close()
  }

  #create(start: ConstructorParameters<typeof OpenJob>[0]): OpenJob {
    return new OpenJob(
      start,
      () => this.#options.clock.now(),
      (job) => this.#written(job, job.ledger.showTaken()),
    )
  }

  #take(job: OpenJob): void {
    this.#jobs.set(job.job.ID, job)
    if (job.agenda.kind === 'targets') this.everywhere.add(job)
    this.lines.update(job)
    const timeouts = startTimeouts(job.job, job.ledger.since, this.#options.clock, {
      onQueueTimeout: () => this.#queueTimeIsOver(job),
      onTotalTimeout: (failure) => this.fail(job, failure),
    })
    this.#timeouts.set(job, timeouts)
    this.#options.onOpportunity({ job })
  }

  /** The job is out of everything that looks for work. */
  #leave(job: OpenJob): void {
    this.#timeouts.get(job)?.cancel()
    this.#timeouts.delete(job)
    this.everywhere.delete(job)
    this.lines.leave(job)
  }

  /** Follows a change of `job`: it has to be written, and stands in another line, or in none. */
  #touch(job: OpenJob): void {
    this.#options.journal.record(job)
    if (job.ledger.isOver) this.#leave(job)
    else this.lines.update(job)
  }

  #written(job: OpenJob, taken: Taken): void {
    const { ID } = job.job
    // One that has ended since it was written is forgotten when its end is written: until then the store shows it as it was.
    const isSettled = job.ledger.isOver && job.ledger.isTaken && job.ledger.isShown
    if (isSettled && this.#jobs.get(ID) === job) this.#jobs.delete(ID)
    this.#options.onChange(job, taken)
  }

  #queueTimeIsOver(job: OpenJob): void {
    const { agenda, ledger } = job
    const begun = agenda.kind === 'partitions' ? agenda.completed > 0 : agenda.begun
    if (begun || ledger.active > 0 || ledger.isOver) return
    const seconds = (queueTimeout(job.job) ?? 0) / 1000
    const { State } = ledger.job
    const why = State.Message ?? 'it was not placed'
    const message = `the job waited for a node for ${seconds}s, as long as its queue timeout allows: ${why}`
    this.fail(job, { code: 'TimeOut', message, hint: 'Raise Timeouts.QueueTimeout, or add nodes.' })
  }
}
