import { EXECUTION_STATES, isFinalJobState, type Job, type OrchestratorMessage } from '@bacalhau/models'
import type { Clock } from '../runtime/clock.ts'
import { newExecutionId } from '../runtime/ids.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Store } from '../store/store.ts'
import { Assignments } from './assignments.ts'
import { type Failure, failureDetails } from './failure.ts'
import { JobBook, loadOpenJobs } from './job-book.ts'
import { stateOf } from './job-ledger.ts'
import { Journal } from './journal.ts'
import type { Report } from './node-session.ts'
import { type JobHost, type OpenJob, openJob } from './open-job.ts'
import type { Placement } from './placement.ts'
import { applyReport, type ReportEffect } from './reports.ts'
import { startTimeouts, type Timeouts } from './timeouts.ts'

export interface OpenJobsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Sends to a node that may get work, if it is there. */
  readonly send: (nodeId: string, message: OrchestratorMessage) => void
  /** Something about this job is durably different. */
  readonly onChange: (jobId: string) => void
  /** This job may be placed, or its wait has to be judged anew; without a job: there may be room for others. */
  readonly onOpportunity: (job?: OpenJob) => void
}

/**
 * The jobs that have not ended. Every change of one of them is made here: in memory at once, then on disk, and whatever it
 * causes outside (an offer, a cancellation) only after that.
 */
export class OpenJobs {
  readonly assignments = new Assignments()
  readonly #options: OpenJobsOptions
  readonly #book = new JobBook()
  readonly #journal: Journal<OpenJob>
  readonly #timeouts = new Map<string, Timeouts>()
  readonly #host: JobHost

  constructor(options: OpenJobsOptions) {
    this.#options = options
    this.#journal = new Journal({
      ...options,
      takeWrites: ({ ledger }) => ledger.takeWrites(),
      onDurable: (job) => this.#written(job),
    })
    this.#host = {
      now: () => options.clock.now(),
      onStart: (job, execution) => this.assignments.add(job, execution),
      onEnd: (_, execution) => this.assignments.remove(execution),
    }
  }

  /** Takes up the jobs that were open when the orchestrator last stopped, and says how many they are. */
  async recover(): Promise<number> {
    const { store, logger } = this.#options
    for (const job of await loadOpenJobs(store, this.#host, logger)) this.#take(job)
    return this.#book.size
  }

  /** The jobs that wait for a node, in the order in which they are served, and how many different shapes they have. */
  get waiting(): Pick<JobBook, 'line' | 'shapes'> {
    return this.#book
  }

  /** Records a new job; resolves when it will survive a crash. Rejects, and forgets it, when it cannot be written. */
  async admit(record: Job): Promise<void> {
    const job = openJob(record, [], 0, this.#host)
    job.ledger.open()
    conclude(job)
    await this.#options.store.commit(job.ledger.takeWrites())
    if (isOver(job)) return
    this.#take(job)
    this.#options.onOpportunity(job)
  }

  /** Ends an open job on its owner's behalf, durably. False when it is not open (any more). */
  async stop(jobId: string, reason: string): Promise<boolean> {
    const job = this.#book.get(jobId)
    const open = job !== undefined && !isOver(job)
    if (open) {
      const message = 'Job requested to stop before completion'
      job.ledger.event({ topic: 'Scheduling', message, details: { Reason: reason } })
      this.#cancelExecutions(job, 'Execution stop requested because job has been stopped')
      job.ledger.setJobState('Stopped', reason)
      this.#touch(job)
    }
    await this.#journal.flushed()
    return open
  }

  /** Gives executions to nodes. */
  place(jobId: string, placements: readonly Placement[]): void {
    const job = this.#book.get(jobId)
    if (job === undefined) return
    for (const { nodeId, partition } of placements) {
      const { ID } = job.ledger.addExecution(newExecutionId(this.#options.random), nodeId, partition, job.resources)
      this.after(() => this.#offer(job, ID))
    }
    this.#touch(job)
  }

  /** Follows the report of a node about an execution that it holds. */
  apply(job: OpenJob, report: Report): ReportEffect {
    const execution = job.ledger.active.get(report.executionId)
    const effect = applyReport(job.ledger, report)
    if (effect.kind === 'nothing' || execution === undefined) return effect
    this.assignments.answered(execution)
    if (effect.kind === 'refused' && !effect.later) job.refusals.set(execution.NodeID, effect.reason)
    if (effect.kind === 'completed') conclude(job)
    if (effect.kind === 'failed') this.fail(job, effect.failure)
    this.#touch(job, effect.kind === 'progress')
    this.#options.onOpportunity(effect.kind === 'refused' ? job : undefined)
    return effect
  }

  /** A node does not have this execution (any more). An offer that it never took goes elsewhere; lost work fails the job. */
  lose(job: OpenJob, executionId: string): void {
    const execution = job.ledger.active.get(executionId)
    if (execution === undefined) return
    const { NodeID } = execution
    if (stateOf(execution) < EXECUTION_STATES.BidAccepted) {
      const message = `the node ${NodeID} was lost before it took the job`
      job.ledger.setExecutionState(executionId, EXECUTION_STATES.AskForBidRejected, { topic: 'Scheduling', message })
    } else {
      const failure = { code: 'NodeLost', message: `the node ${NodeID} was lost while it ran the job` }
      const event = { topic: 'Execution', message: failure.message, details: failureDetails(failure) } as const
      job.ledger.setExecutionState(executionId, EXECUTION_STATES.Failed, event)
      this.fail(job, failure)
    }
    this.#touch(job)
    this.#options.onOpportunity(job)
  }

  /** The job waits for a node, and why. */
  wait(job: OpenJob, why: string): void {
    const { StateType } = job.ledger.job.State
    if (StateType === 'Pending') job.ledger.setJobState('Queued', why)
    else if (StateType === 'Queued') job.ledger.explain(why)
    this.#touch(job)
  }

  fail(job: OpenJob, failure: Failure): void {
    if (isOver(job)) return
    const bounded = { ...failure, message: failure.message.slice(0, LIMITS.message) }
    this.#cancelExecutions(job, 'Execution stopped due to job failure')
    job.ledger.setJobState('Failed', bounded.message, failureDetails(bounded))
    this.#touch(job)
    this.#options.onOpportunity()
  }

  /** `effect` takes place when everything that was decided until now is on disk. */
  after(effect: () => void): void {
    this.#journal.after(effect)
  }

  /** Writes what has been decided. The jobs stay open: they are taken up again at the next start. */
  async close(): Promise<void> {
    for (const timeouts of this.#timeouts.values()) timeouts.stop()
    await this.#journal.stop()
  }

  #take(job: OpenJob): void {
    this.#book.update(job)
    const timeouts = startTimeouts(job.ledger.job, this.#options.clock, {
      onQueueTimeout: () => this.#options.onOpportunity(job),
      onTotalTimeout: (failure) => this.fail(job, failure),
    })
    this.#timeouts.set(job.ledger.job.ID, timeouts)
  }

  /** Follows a change of `job`: it may wait for a node or not any more, and it has to be written. */
  #touch(job: OpenJob, soon = false): void {
    this.#book.update(job)
    if (soon) this.#journal.recordSoon(job)
    else this.#journal.record(job)
    if (!isOver(job)) return
    this.#timeouts.get(job.ledger.job.ID)?.stop()
    this.#timeouts.delete(job.ledger.job.ID)
  }

  #written(job: OpenJob): void {
    if (isOver(job)) this.#book.remove(job)
    this.#options.onChange(job.ledger.job.ID)
  }

  #cancelExecutions({ ledger }: OpenJob, reason: string): void {
    for (const { ID: executionId, NodeID } of ledger.active.values()) {
      ledger.setExecutionState(executionId, EXECUTION_STATES.Cancelled, { topic: 'Execution', message: reason })
      this.after(() => this.#options.send(NodeID, { type: 'cancel', executionId, reason }))
    }
  }

  /** Offers an execution, if it is still wanted. To a node that has gone meanwhile nothing is sent: it is noticed as lost. */
  #offer({ ledger, resources }: OpenJob, executionId: string): void {
    const execution = ledger.active.get(executionId)
    if (execution === undefined) return
    const { NodeID, PartitionIndex: partitionIndex } = execution
    this.#options.send(NodeID, { type: 'offer', executionId, job: ledger.job, partitionIndex, resources })
  }
}

export const isOver = ({ ledger }: OpenJob): boolean => isFinalJobState(ledger.job.State.StateType)

/** The job is done when every partition is. */
function conclude(job: OpenJob): void {
  if (!isOver(job) && job.ledger.completed >= job.ledger.job.Count) job.ledger.setJobState('Completed', '')
}
