import { EXECUTION_STATES, type OrderMessage, type ReportMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignment, Assignments } from './assignments.ts'
import { type Failure, failureDetails } from './failure.ts'
import type { HistoryEvent } from './history.ts'
import type { RunChange } from './job-ledger.ts'
import type { OpenJob } from './open-job.ts'
import { type Cause, count, nextStep } from './retry.ts'
import type { Run } from './run.ts'
import type { WaitingLines } from './waiting-lines.ts'

/** The actor of what the orchestrator does to a run. */
const US = 'orchestrator'

export interface RunOutcomesOptions {
  readonly clock: Clock
  readonly assignments: Assignments
  readonly lines: WaitingLines
  /** Leaves an order for a node, as part of the present unit. */
  readonly post: (nodeId: string, message: OrderMessage) => void
  /** The job has changed, and has to be written. */
  readonly touch: (job: OpenJob) => void
  readonly fail: (job: OpenJob, failure: Failure) => void
  /** There is more work to place, or more room on a node. */
  readonly onOpportunity: (change: { readonly job?: OpenJob; readonly node?: string }) => void
  /** A run was completed: how long it took and what it made are known. */
  readonly onCompleted: (assignment: Assignment, milliseconds: number | undefined) => void
}

/** What follows for a job from what becomes of its runs: from what their nodes report, and from what they do not. */
export class RunOutcomes {
  readonly #options: RunOutcomesOptions
  readonly #retries = new Set<Timer>()

  constructor(options: RunOutcomesOptions) {
    this.#options = options
  }

  /** Follows the report of the node that holds the run. */
  report(assignment: Assignment, report: ReportMessage): void {
    const { job, run } = assignment
    if (report.type === 'refused') return this.#refused(assignment, report)
    if (run.state < EXECUTION_STATES.BidAccepted) {
      job.ledger.moveRun(run.id, EXECUTION_STATES.BidAccepted, { message: 'Running', details: { NodeID: run.node } })
    }
    this.#started(job)
    switch (report.type) {
      case 'accepted':
        break
      case 'progress':
        job.ledger.moveRun(run.id, report.state, {
          message: report.state === EXECUTION_STATES.Running ? 'Running Execution' : 'Publishing Results',
          // What exactly runs, such as the digest of an image.
          ...(report.message === undefined ? {} : { details: { Note: report.message } }),
        })
        break
      case 'completed':
        this.#completed(assignment, report)
        break
      case 'failed':
        this.#failed(assignment, report)
        break
      case 'cancelled':
        // Only the orchestrator cancels, and it does not wait for the answer: this one was ended by its node.
        this.lose(assignment, report.message)
    }
    this.#options.touch(job)
  }

  /** The node does not have the run any more, or will not be waited for. */
  lose(assignment: Assignment, reason: string, { told = false } = {}): void {
    const { job, run } = assignment
    const change = { message: reason, actor: US, details: failureDetails({ code: 'NodeLost', message: reason }) }
    this.#end(assignment, EXECUTION_STATES.Failed, change)
    if (!told) this.#cancelAt(run, reason)
    this.#again(job, run, { kind: 'lost' }, { code: 'NodeLost', message: reason })
    this.#options.touch(job)
  }

  /** The node has not answered the offer, or not for want of room: it is made to another one, with nothing held against anybody. */
  withdraw(assignment: Assignment, reason: string): void {
    const { job, run } = assignment
    this.#end(assignment, EXECUTION_STATES.Cancelled, { message: reason, actor: US })
    this.#cancelAt(run, reason)
    this.#giveBack(job, run)
    this.#options.touch(job)
  }

  /** A run that has gone on for longer than it may, whatever its node says. */
  expire(assignment: Assignment, failure: Failure): void {
    this.#cancelAt(assignment.run, failure.message)
    this.#failed(assignment, { type: 'failed', executionId: assignment.run.id, ...failure, hint: failure.hint })
    this.#options.touch(assignment.job)
  }

  /** Takes all runs of a job off their nodes. */
  cancelAll(job: OpenJob, reason: string): void {
    for (const run of job.ledger.runs()) {
      this.#end({ job, run }, EXECUTION_STATES.Cancelled, { message: reason, actor: US })
      this.#cancelAt(run, reason)
    }
  }

  /** A job is done when everything that it asked for is. */
  settle(job: OpenJob): void {
    const { agenda, ledger } = job
    if (ledger.isOver) return
    if (job.job.Type === 'batch' && agenda.kind === 'partitions' && agenda.isComplete) {
      return ledger.setJobState('Completed', '')
    }
    if (job.job.Type !== 'ops' || agenda.kind !== 'targets' || !agenda.begun || ledger.active > 0) return
    if (agenda.waits) return
    const refusal = describeRefusals(job)
    if (job.firstFailure === undefined && agenda.completed > 0) return ledger.setJobState('Completed', refusal)
    if (job.firstFailure === undefined)
      return this.#options.fail(job, { code: 'NoNodes', message: `no node ran the job: ${refusal}` })
    const message = `Job failed because one or more executions failed: ${job.firstFailure.message}`
    this.#options.fail(job, { ...job.firstFailure, message })
  }

  /** Nothing is given back any more. */
  close(): void {
    for (const timer of this.#retries) timer.cancel()
  }

  #started({ ledger }: OpenJob): void {
    const { StateType } = ledger.job.State
    if (StateType === 'Pending' || StateType === 'Queued') ledger.setJobState('Running', '')
  }

  #completed(assignment: Assignment, report: Extract<ReportMessage, { type: 'completed' }>): void {
    const { job, run } = assignment
    if (job.job.Type === 'service' || job.job.Type === 'daemon') {
      const message = 'execution completed unexpectedly'
      return this.#failed(assignment, { type: 'failed', executionId: run.id, code: 'JobFailed', message })
    }
    this.#end(assignment, EXECUTION_STATES.Completed, { message: 'Completed successfully', ...madeBy(report) })
    job.agenda.complete()
    this.#options.onCompleted(assignment, report.milliseconds)
    this.settle(job)
  }

  #failed(assignment: Assignment, report: Extract<ReportMessage, { type: 'failed' }>): void {
    const { job, run } = assignment
    const { code, message, hint } = report
    const failure: Failure = { code, message, hint }
    this.#end(assignment, EXECUTION_STATES.Failed, { message, details: failureDetails(failure), ...madeBy(report) })
    this.#again(job, run, { kind: 'failed', code }, failure)
  }

  #refused(assignment: Assignment, { reason, later }: Extract<ReportMessage, { type: 'refused' }>): void {
    const { job, run } = assignment
    const rejected = EXECUTION_STATES.AskForBidRejected
    if (run.state >= EXECUTION_STATES.BidAccepted) return
    this.#end(assignment, rejected, { message: `rejected bid: ${reason}` }, 'Scheduling')
    if (!later) job.refusals.set(run.node, reason)
    if (job.agenda.kind === 'partitions') this.#giveBack(job, run)
    else if (later) this.#after(job, run, LIMITS.refusalPause)
    this.settle(job)
    this.#options.touch(job)
    this.#options.onOpportunity({ job })
  }

  /** Takes a run off its node. */
  #end({ job, run }: Assignment, state: Run['state'], change: RunChange, topic?: HistoryEvent['topic']): void {
    job.ledger.moveRun(run.id, state, change, topic)
    this.#options.assignments.remove(run)
    this.#options.onOpportunity({ node: run.node })
  }

  /** Decides whether what has ended badly is run again. */
  #again(job: OpenJob, run: Run, cause: Cause, failure: Failure): void {
    // A lost run is nobody's fault, unless nothing comes after it.
    if (cause.kind === 'failed' || job.job.Type === 'ops') job.firstFailure ??= failure
    const milliseconds = this.#options.clock.now() - run.created
    const trouble = count(job.troubleOf(run), cause, { id: run.id, node: run.node, milliseconds })
    job.troubles.set(job.troubleKey(run), trouble)
    const step = nextStep(job.job.Type, cause, trouble)
    if (step.kind === 'again') {
      if (step.after === 0) this.#giveBack(job, run)
      else this.#after(job, run, step.after)
    } else if (job.agenda.kind === 'targets') this.settle(job)
    else
      this.#options.fail(
        job,
        afterTries(job.firstFailure ?? failure, cause.kind === 'lost' ? trouble.losses : trouble.failures),
      )
  }

  /** Gives a run back when a pause is over, if it is still wanted then. */
  #after(job: OpenJob, run: Run, pause: number): void {
    const { agenda } = job
    if (agenda.kind === 'targets') agenda.postpone()
    const timer = this.#options.clock.after(pause, () => {
      this.#retries.delete(timer)
      if (job.agenda !== agenda || job.ledger.isOver) return
      this.#giveBack(job, run)
    })
    this.#retries.add(timer)
  }

  #giveBack(job: OpenJob, run: Run): void {
    job.agenda.giveBack(run)
    this.#options.lines.update(job)
    this.#options.onOpportunity({ job })
  }

  #cancelAt({ id, node }: Run, reason: string): void {
    this.#options.post(node, { type: 'cancel', executionId: id, reason })
  }
}

function madeBy(
  report: Extract<ReportMessage, { type: 'completed' | 'failed' }>,
): Pick<RunChange, 'output' | 'result'> {
  const { output, result } = report
  return {
    ...(output === undefined || output === null ? {} : { output }),
    ...(result === undefined || result.Type === '' ? {} : { result }),
  }
}

/** Which nodes would not have the job, with the first of their reasons. */
function describeRefusals({ refusals }: OpenJob): string {
  const [reason] = refusals.values()
  return reason === undefined ? '' : `${refusals.size} ${refusals.size === 1 ? 'node' : 'nodes'} refused it: ${reason}`
}

const afterTries = (failure: Failure, tries: number): Failure =>
  tries < 2 ? failure : { ...failure, message: `${failure.message} (tried ${tries} times)` }
