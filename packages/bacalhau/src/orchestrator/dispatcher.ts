import { EXECUTION_STATES, type Execution, isFinalJobState, type Job, type OrchestratorMessage } from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import type { Clock } from '../runtime/clock.ts'
import { newExecutionId } from '../runtime/ids.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Store } from '../store/store.ts'
import type { Cluster } from './cluster.ts'
import { Committer } from './committer.ts'
import { type Failure, failureDetails } from './failure.ts'
import { loadOpenJobs, missingPartitions, type OpenJob, openJob } from './job-book.ts'
import { JobLedger, stateOf } from './job-ledger.ts'
import type { Heartbeat, Hello, Report, SessionHandler } from './node-session.ts'
import { type Placement, plan, type Unplaced, type Want } from './placement.ts'
import { applyReport } from './reports.ts'
import { isQueueTimeOver, startTimeouts, type Timeouts } from './timeouts.ts'

export interface DispatcherOptions {
  readonly store: Store
  readonly cluster: Cluster
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Something about this job is durably different. */
  readonly onChange: (jobId: string) => void
}

/**
 * Brings every open job to its end: places its executions, follows their reports, notices lost nodes. Decisions are made on
 * the ledgers in memory; whatever a decision causes outside (an offer, an answer) happens after it is on disk.
 */
export class Dispatcher implements SessionHandler {
  readonly #options: DispatcherOptions
  readonly #committer: Committer
  readonly #jobs = new Map<string, OpenJob>()
  readonly #timeouts = new Map<string, Timeouts>()
  readonly #stopped = new AbortController()
  #passScheduled = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#committer = new Committer(options.store, options.clock, options.logger)
  }

  /** Takes up the jobs that were open when the orchestrator last stopped. Their nodes have a while to come back. */
  async recover(): Promise<void> {
    const { store, clock, logger } = this.#options
    for (const job of await loadOpenJobs(store, clock, logger)) this.#take(job)
    if (this.#jobs.size > 0) this.#losePatience(LIMITS.restartGrace, () => true)
    this.#schedulePass()
  }

  /** Records a new job; resolves when it will survive a crash. Rejects, and forgets it, when it cannot be written. */
  async admit(job: Job): Promise<void> {
    const { store, clock } = this.#options
    const ledger = new JobLedger(job, [], 0, () => clock.now())
    ledger.open()
    await store.commit(ledger.takeWrites())
    this.#take(openJob(ledger))
    this.#schedulePass()
  }

  /** Ends an open job on its owner's behalf. False when it is not open (any more). */
  async stopJob(jobId: string, reason: string): Promise<boolean> {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return false
    job.ledger.event({
      topic: 'State Update',
      message: 'Job requested to stop before completion',
      details: { Reason: reason },
    })
    this.#cancelExecutions(job, 'Execution stop requested because job has been stopped')
    job.ledger.setJobState('Stopped', reason)
    await this.#commit(job)
    return true
  }

  onHello(channel: OrchestratorChannel, hello: Hello, membership: 'APPROVED' | 'PENDING'): void {
    this.#options.cluster.connect(hello.node, membership, channel)?.close()
    if (membership !== 'APPROVED') return
    const held = new Map(hello.held.map(({ executionId, state }) => [executionId, state]))
    for (const [job, execution] of this.#activeOn(channel.peer)) {
      if (held.has(execution.ID)) {
        this.#options.cluster.reserve(channel.peer, execution.ID, job.resources)
        held.delete(execution.ID)
      } else this.#missed(job, execution)
    }
    // What is left is unknown here or has ended here: running, it is stopped; ended, its report follows and is settled.
    for (const executionId of held.keys()) channel.send({ type: 'cancel', executionId, reason: 'the job has ended' })
    this.#schedulePass()
  }

  onHeartbeat(channel: OrchestratorChannel, { node }: Heartbeat): void {
    this.#options.cluster.heard(channel.peer, node)
    if (node !== undefined) this.#schedulePass()
  }

  onReport(channel: OrchestratorChannel, report: Report): void {
    this.#options.cluster.heard(channel.peer, undefined)
    const found = this.#activeOn(channel.peer).find(([, execution]) => execution.ID === report.executionId)
    if (found === undefined) {
      // A repeated report, or one about an execution that was given up: all that is left to say is that it may be forgotten.
      if (isFinalReport(report)) channel.send({ type: 'settled', executionId: report.executionId })
      return
    }
    const [job] = found
    const effect = applyReport(job.ledger, report)
    if (effect.ended) this.#options.cluster.release(channel.peer, report.executionId)
    if (effect.refused !== undefined) this.#refused(job, channel.peer, effect.refused)
    if (effect.failure !== undefined) this.#fail(job, effect.failure)
    else this.#conclude(job)
    const settled: OrchestratorMessage = { type: 'settled', executionId: report.executionId }
    if (effect.soon) this.#commitSoon(job)
    else this.#commitThen(job, () => isFinalReport(report) && channel.send(settled))
    if (effect.ended) this.#schedulePass()
  }

  onEnd(channel: OrchestratorChannel, error: Error | undefined): void {
    const { cluster, logger } = this.#options
    if (!cluster.disconnect(channel, error?.message ?? 'connection closed')) return
    logger.info({ node: channel.peer, error: error?.message }, 'a compute node has gone')
    this.#losePatience(LIMITS.linkGrace, (nodeId) => nodeId === channel.peer)
  }

  stop(): void {
    this.#stopped.abort(new Error('the orchestrator is being stopped'))
    for (const timeouts of this.#timeouts.values()) timeouts.stop()
  }

  #take(job: OpenJob): void {
    this.#jobs.set(job.ledger.job.ID, job)
    const timeouts = startTimeouts(job.ledger.job, this.#options.clock, {
      onQueueTimeout: () => this.#schedulePass(),
      onTotalTimeout: (failure) => {
        this.#fail(job, failure)
        this.#commitThen(job)
      },
    })
    this.#timeouts.set(job.ledger.job.ID, timeouts)
  }

  /** Gives up the executions on nodes that are still away when `grace` milliseconds have passed. */
  #losePatience(grace: number, concerns: (nodeId: string) => boolean): void {
    const { clock, cluster } = this.#options
    clock.after(grace, () => {
      if (this.#stopped.signal.aborted) return
      for (const job of this.#jobs.values()) {
        const lost = job.ledger.active().filter(({ NodeID }) => concerns(NodeID) && !cluster.isConnected(NodeID))
        for (const execution of lost) this.#missed(job, execution)
      }
    })
  }

  /** A node does not have this execution (any more). An offer that it never took goes elsewhere; lost work fails the job. */
  #missed(job: OpenJob, execution: Execution): void {
    this.#options.cluster.release(execution.NodeID, execution.ID)
    const failure = { code: 'NodeLost', message: `the node ${execution.NodeID} was lost while it ran the job` }
    const taken = stateOf(execution) >= EXECUTION_STATES.BidAccepted
    job.ledger.setExecutionState(execution.ID, EXECUTION_STATES.Failed, {
      topic: 'Execution',
      message: taken ? failure.message : `the node ${execution.NodeID} was lost before it took the job`,
      details: failureDetails(failure),
    })
    if (taken) this.#fail(job, failure)
    this.#commitThen(job)
    this.#schedulePass()
  }

  #refused(job: OpenJob, nodeId: string, { reason, later }: { reason: string; later: boolean }): void {
    if (!later) {
      job.refusals.set(nodeId, reason)
      return
    }
    job.paused.add(nodeId)
    this.#options.clock.after(LIMITS.refusalPause, () => {
      job.paused.delete(nodeId)
      this.#schedulePass()
    })
  }

  /** The job is done when every partition is. */
  #conclude({ ledger }: OpenJob): void {
    const { job } = ledger
    if (isFinalJobState(job.State.StateType) || ledger.partitions('completed').size < job.Count) return
    ledger.setJobState('Completed', '')
  }

  #fail(job: OpenJob, failure: Failure): void {
    if (isFinalJobState(job.ledger.job.State.StateType)) return
    this.#cancelExecutions(job, 'Execution stopped due to job failure')
    job.ledger.setJobState('Failed', failure.message, failureDetails(failure))
  }

  #cancelExecutions({ ledger }: OpenJob, reason: string): void {
    const { cluster } = this.#options
    for (const { ID, NodeID } of ledger.active()) {
      ledger.setExecutionState(ID, EXECUTION_STATES.Cancelled, { topic: 'Execution', message: reason })
      cluster.release(NodeID, ID)
      cluster.channelTo(NodeID)?.send({ type: 'cancel', executionId: ID, reason })
    }
  }

  /** Passes are coalesced: whatever happens in one turn of the event loop is decided together. */
  #schedulePass(): void {
    if (this.#passScheduled || this.#stopped.signal.aborted) return
    this.#passScheduled = true
    setImmediate(() => {
      this.#passScheduled = false
      this.#pass()
    })
  }

  #pass(): void {
    const wants = [...this.#jobs.values()].flatMap((job): Want[] => {
      const partitions = missingPartitions(job)
      if (isFinalJobState(job.ledger.job.State.StateType)) return []
      if (partitions.length === 0) return this.#finishEmpty(job)
      return [{ job: job.ledger.job, resources: job.resources, partitions, refusals: job.refusals, paused: job.paused }]
    })
    if (wants.length === 0 || this.#stopped.signal.aborted) return
    const { placements, unplaced } = plan(wants, this.#options.cluster.candidates())
    for (const [jobId, group] of Map.groupBy(placements, ({ jobId }) => jobId)) this.#place(jobId, group)
    for (const reason of unplaced) this.#wait(reason)
  }

  /** A job that asks for no executions is complete as soon as it is looked at. */
  #finishEmpty(job: OpenJob): [] {
    if (job.ledger.job.Count > 0) return []
    this.#conclude(job)
    this.#commitThen(job)
    return []
  }

  #place(jobId: string, placements: readonly Placement[]): void {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return
    const { cluster, random } = this.#options
    const offers = placements.map(({ nodeId, partition }) => {
      const execution = job.ledger.addExecution(newExecutionId(random), nodeId, partition, job.resources)
      cluster.reserve(nodeId, execution.ID, job.resources)
      return execution
    })
    this.#commitThen(job, () => {
      for (const { ID, NodeID, PartitionIndex } of offers) {
        if (!job.ledger.active().some((execution) => execution.ID === ID)) continue
        const channel = cluster.channelTo(NodeID)
        channel?.send({
          type: 'offer',
          executionId: ID,
          job: job.ledger.job,
          partitionIndex: PartitionIndex,
          resources: job.resources,
        })
      }
    })
  }

  #wait({ jobId, kind, code, reason }: Unplaced): void {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return
    const { ledger } = job
    const idle = ledger.active().length === 0
    if (kind === 'impossible' && idle && isQueueTimeOver(ledger.job, this.#options.clock.now()))
      this.#fail(job, { code, message: reason })
    else if (ledger.job.State.StateType === 'Pending') ledger.setJobState('Queued', reason)
    else if (ledger.job.State.StateType === 'Queued') ledger.explain(reason)
    this.#commitThen(job)
  }

  #activeOn(nodeId: string): [OpenJob, Execution][] {
    return [...this.#jobs.values()].flatMap((job) =>
      job.ledger
        .active()
        .flatMap((execution): [OpenJob, Execution][] => (execution.NodeID === nodeId ? [[job, execution]] : [])),
    )
  }

  #commitSoon(job: OpenJob): void {
    this.#options.clock.after(LIMITS.progressDelay, () => this.#commitThen(job))
  }

  #commitThen(job: OpenJob, effect?: () => void): void {
    this.#commit(job).then(
      () => effect?.(),
      (error: unknown) => this.#options.logger.error({ error: String(error) }, 'a change was not written'),
    )
  }

  async #commit(job: OpenJob): Promise<void> {
    const { ID, State } = job.ledger.job
    if (isFinalJobState(State.StateType)) {
      this.#timeouts.get(ID)?.stop()
      this.#timeouts.delete(ID)
    }
    await this.#committer.commit(job.ledger.takeWrites(), this.#stopped.signal)
    if (isFinalJobState(State.StateType)) this.#jobs.delete(ID)
    this.#options.onChange(ID)
  }
}

const isFinalReport = ({ type }: Report): boolean => type === 'completed' || type === 'failed' || type === 'cancelled'
