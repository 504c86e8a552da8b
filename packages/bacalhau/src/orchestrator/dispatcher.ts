import type { HeldExecution, NodeInfo, OrderMessage, ReportMessage } from '@bacalhau/models'
import { createOrchestratorOffice } from '../link/orchestrator-office.ts'
import type { Applicant, Connected, OrchestratorHandler, OrchestratorOffice } from '../link/post-office.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { Journal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import type { Assignment } from './assignments.ts'
import { Chooser, type Strategy } from './chooser.ts'
import { Cluster } from './cluster.ts'
import { createCustody, type Custody } from './custody/custody.ts'
import type { ResultKeeper } from './custody/result-keeper.ts'
import { explain, type Unplaced } from './explain.ts'
import { Locality } from './locality.ts'
import { decideMembership, type Decision, type MembershipPolicy } from './membership.ts'
import { NodeDecisions } from './node-decisions.ts'
import type { Taken } from './job-ledger.ts'
import type { OpenJob } from './open-job.ts'
import { OpenJobs } from './open-jobs.ts'
import { Overdue } from './overdue.ts'
import { Pace } from './pace.ts'
import { Patience } from './patience.ts'
import { Pauses } from './pauses.ts'
import { Pools } from './pools.ts'
import { reconcile } from './reconcile.ts'
import { toExecution } from './run.ts'
import { Scheduler } from './scheduler.ts'
import { StillWaiting } from './still-waiting.ts'

export interface DispatcherOptions extends MembershipPolicy {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Changes when the store was lost, so that others notice. */
  readonly storeGeneration: string
  readonly placement?: Strategy
  /** Something about this job is durably different. */
  readonly onChange: (job: OpenJob, taken: Taken) => void
  /** More is known of how far a run of this job is that has not begun. Nothing of it is stored. */
  readonly onPreparing?: (job: OpenJob) => void
  /** Fetches results, so that they survive the node that made them. */
  readonly keeper?: ResultKeeper
  /** Bytes of the largest result that is kept; 0 keeps none. */
  readonly keptResult?: number
}

/** Brings open jobs and nodes together: hears the nodes' reports, places executions, notices when a node is lost. */
export class Dispatcher implements OrchestratorHandler {
  readonly cluster: Cluster
  readonly journal: Journal
  readonly jobs: OpenJobs
  readonly #options: DispatcherOptions
  readonly #patience: Patience
  readonly #pauses: Pauses
  readonly #pools: Pools
  readonly #pace = new Pace()
  readonly #locality = new Locality()
  readonly #scheduler: Scheduler
  #office: OrchestratorOffice | undefined
  #decisions: NodeDecisions | undefined
  #custody: Custody | undefined
  readonly #stillWaiting: StillWaiting
  readonly #overdue: Overdue
  /** What nodes hold that are connected and no members: to be settled when they are approved. */
  readonly #unsettled = new Map<string, readonly HeldExecution[]>()
  /** After a restart, until the nodes had the time to come back. */
  #settling: Timer | undefined
  #stopped = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    const { clock } = options
    this.journal = new Journal(options)
    this.jobs = new OpenJobs({
      ...options,
      journal: this.journal,
      post: (nodeId, message) => this.#post(nodeId, message),
      onOpportunity: (change) => this.#onOpportunity(change),
      onCompleted: (assignment, milliseconds) => this.#onCompleted(assignment, milliseconds),
    })
    const { assignments, lines } = this.jobs
    this.cluster = new Cluster(assignments, () => clock.now())
    this.#pauses = new Pauses(clock, () => this.#allRoomChanged())
    this.#pools = new Pools({
      cluster: this.cluster,
      assignments,
      pauses: this.#pauses,
      pace: this.#pace,
      backlog: (peer) => this.office.backlog(peer).bytes,
      keptFor: (peer) => this.#scheduler.keptFor(peer),
    })
    this.#stillWaiting = new StillWaiting({
      jobs: this.jobs,
      explain: (job) => this.#explain(job),
      isSettling: () => this.#settling !== undefined,
    })
    this.#overdue = this.#createOverdue(clock)
    const strategy = options.placement ?? 'spread'
    const chooser = new Chooser({ ...options, cluster: this.cluster, assignments, locality: this.#locality, strategy })
    this.#scheduler = new Scheduler({
      clock,
      lines,
      chooser,
      journal: this.journal,
      cluster: this.cluster,
      pools: this.#pools,
      everywhere: this.jobs.everywhere,
      place: (job, placement) => this.jobs.place(job, placement),
      isSettling: () => this.#settling !== undefined,
      conclude: (job) => this.jobs.conclude(job),
      onPlaced: () => this.jobs.sendOffers(),
      onPassed: () => this.#stillWaiting.judge(),
    })
    this.#patience = new Patience(clock, {
      onLost: (nodeId, grace) => this.#loseAll(nodeId, grace),
      onForgotten: (nodeId) => this.#giveUp(nodeId),
    })
  }

  #createOverdue(clock: Clock): Overdue {
    const { assignments, outcomes } = this.jobs
    const onLooked = () => this.#looked()
    return new Overdue({ clock, cluster: this.cluster, assignments, outcomes, pauses: this.#pauses, onLooked })
  }

  get office(): OrchestratorOffice {
    if (this.#office === undefined) throw new Error('the dispatcher has not been started')
    return this.#office
  }

  /** Takes up the jobs that were open when the orchestrator last stopped. Their nodes have a while to come back. */
  async start(): Promise<void> {
    const { store, clock } = this.#options
    this.#decisions = await NodeDecisions.load(store, this.journal)
    this.#office = await createOrchestratorOffice({ ...this.#options, journal: this.journal, handler: this })
    const { keeper, keptResult: limit = LIMITS.keptResult } = this.#options
    if (keeper !== undefined) {
      this.#custody = await createCustody({ ...this.#options, journal: this.journal, keeper, limit })
    }
    // Before the first pass, which comes while jobs are still being read.
    this.#settling = clock.after(LIMITS.restartGrace, () => this.#settle())
    const open = await this.jobs.recover()
    this.#overdue.start()
    if (open === 0) this.#settle()
    const { assignments } = this.jobs
    for (const nodeId of assignments.nodes()) this.#gone(nodeId, LIMITS.restartGrace)
  }

  /** Why an open job waits, as things are now; undefined when it does not. */
  reason(job: OpenJob): string | undefined {
    if (!job.waits) return undefined
    return this.#explain(job).reason
  }

  decide(peer: string, decision: Decision): void {
    this.#decisions?.set(peer, decision)
    this.#applyDecision(peer, decision)
  }

  /** The node that an operator means: one that is there, or one about which something was decided before. */
  nodeId(id: string): string {
    const known = this.#decisions?.find(id)
    return this.cluster.has(id) || known === undefined ? this.cluster.find(id).Info.NodeID : known
  }

  /** Forgets a node and what was decided about it. It may present itself anew. */
  forgetNode(peer: string): void {
    this.#decisions?.delete(peer)
    for (const assignment of this.jobs.assignments.on(peer)) {
      this.jobs.outcomes.lose(assignment, 'the node has been deleted', { told: true })
    }
    this.office.forget(peer)
    this.#patience.back(peer)
    this.cluster.forget(peer)
    this.#pools.nodeChanged(peer)
    this.#scheduler.wake({ everywhere: true })
  }

  admit(applicant: Applicant): Decision {
    return decideMembership(applicant, this.#options, this.#decisions?.get(applicant.peer))
  }

  /** The record of a job has been removed: its results need not be kept any more. */
  jobRemoved(jobId: string): void {
    this.#custody?.drop(jobId)
  }

  onConnected(peer: string, { node, membership, resumed, held, wiped }: Connected): void {
    const before = this.cluster.get(peer)
    this.cluster.connect(peer, node, membership)
    this.#unsettled.delete(peer)
    if (membership !== 'APPROVED') {
      if (!resumed) this.#unsettled.set(peer, held)
      this.#pools.nodeChanged(peer)
      return this.#gone(peer)
    }
    this.#patience.seen(peer)
    if (wiped) this.#options.logger.warn({ node: peer }, 'a compute node has lost its store')
    if (before === undefined || JSON.stringify(before.info) !== JSON.stringify(node)) this.#forgetRefusals(peer)
    if (!resumed) this.#reconcile(peer, held)
    this.#pools.nodeChanged(peer)
    this.#scheduler.wake({ everywhere: true })
  }

  onAnswered(peer: string): void {
    this.#patience.back(peer)
  }

  onInfo(peer: string, node: NodeInfo | undefined): void {
    this.cluster.heard(peer, node)
    if (node === undefined) return
    this.#pools.nodeChanged(peer)
    this.#scheduler.wake({ everywhere: true })
  }

  onReport(peer: string, report: ReportMessage): void {
    const { executionId } = report
    this.cluster.heard(peer, undefined)
    const assignment = this.jobs.assignments.find(peer, executionId)
    if (assignment === undefined) {
      // One that was given up, or was never given to this node.
      const lives = report.type === 'accepted' || report.type === 'progress'
      if (lives) this.office.post(peer, { type: 'cancel', executionId, reason: 'the execution is not wanted any more' })
      return
    }
    const { shape } = assignment.job
    if (report.type === 'refused' && report.later) this.#pauses.begin(shape, peer)
    else if (this.#pauses.end(shape, peer)) this.#onOpportunity({ node: peer })
    this.jobs.outcomes.report(assignment, report)
    this.#lookForRoom()
  }

  onPreparing(peer: string, executionId: string, message: string): void {
    this.cluster.heard(peer, undefined)
    const job = this.jobs.assignments.find(peer, executionId)?.job
    if (job?.ledger.prepare(executionId, message) === true) this.#options.onPreparing?.(job)
  }

  onDisconnected(peer: string, error: Error | undefined): void {
    if (this.#stopped) return
    this.#options.logger.info({ node: peer, error: error?.message }, 'a compute node has gone')
    this.cluster.disconnect(peer, error?.message ?? 'connection closed')
    this.#unsettled.delete(peer)
    this.#pools.nodeChanged(peer)
    this.#gone(peer)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#overdue.stop()
    this.#settling?.cancel()
    this.#patience.stop()
    this.#pauses.stop()
    this.jobs.close()
    await this.#custody?.stop()
    await this.#office?.stop()
    await this.journal.stop()
  }

  #settle(): void {
    this.#settling?.cancel()
    this.#settling = undefined
    this.#scheduler.wake({ everywhere: true })
  }

  #gone(peer: string, least = 0): void {
    this.#patience.gone(
      peer,
      this.jobs.assignments.on(peer).map(({ job }) => job.grace),
      least,
    )
  }

  #reconcile(peer: string, held: readonly HeldExecution[]): void {
    const { assignments, outcomes } = this.jobs
    reconcile(peer, held, { assignments, outcomes, post: (node, message) => this.#post(node, message) })
  }

  #applyDecision(peer: string, { membership, message }: Decision): void {
    const member = this.cluster.get(peer)
    if (member === undefined || member.membership === membership) return
    member.membership = membership
    if (membership === 'APPROVED') this.#patience.back(peer)
    else {
      const reason = 'Execution stop requested because node has been rejected'
      for (const assignment of this.jobs.assignments.on(peer)) this.jobs.outcomes.lose(assignment, reason)
    }
    this.office.welcome(peer, membership, message)
    const unsettled = membership === 'APPROVED' ? this.#unsettled.get(peer) : undefined
    if (unsettled !== undefined) {
      this.#unsettled.delete(peer)
      this.#reconcile(peer, unsettled)
    }
    this.#pools.nodeChanged(peer)
    this.#scheduler.wake({ everywhere: true })
  }

  /** A node that says that it has changed may take what it has refused. */
  #forgetRefusals(peer: string): void {
    for (const line of this.jobs.lines.lines()) for (const job of line) job.refusals.delete(peer)
    for (const job of this.jobs.everywhere) job.refusals.delete(peer)
  }

  /** What a node that has gone for too long had is lost. It may be back without being a member any more. */
  #loseAll(peer: string, grace: number): void {
    const member = this.cluster.get(peer)
    if (member?.connected === true && member.membership === 'APPROVED') return
    const reason =
      member?.lastError === undefined ? 'the node has not come back' : `the node is gone: ${member.lastError}`
    for (const assignment of this.jobs.assignments.on(peer)) {
      if (assignment.job.grace <= grace) this.jobs.outcomes.lose(assignment, reason)
    }
  }

  #giveUp(peer: string): void {
    const member = this.cluster.get(peer)
    if (member === undefined || member.connected) return
    member.expected = false
    this.#pools.nodeChanged(peer)
    this.#scheduler.wake({ everywhere: true })
  }

  #onOpportunity({ job, node }: { readonly job?: OpenJob; readonly node?: string }): void {
    if (node !== undefined) this.#pools.roomChanged(node)
    if (job !== undefined) this.#stillWaiting.add(job)
    this.#scheduler.wake({ everywhere: job?.agenda.kind === 'targets' })
  }

  #onCompleted({ job, run }: Assignment, milliseconds: number | undefined): void {
    if (milliseconds !== undefined) this.#pace.note(job.kin, milliseconds)
    this.#locality.note(job.job, run.node, run.result)
    this.#custody?.noteCompleted(job.job, toExecution(run, job.job), run.node)
  }

  #post(peer: string, message: OrderMessage): void {
    this.office.post(peer, message)
    if (this.#pools.isBehind(peer)) this.#pools.roomChanged(peer)
  }

  #lookForRoom(): void {
    if (this.#pools.caughtUp()) this.#scheduler.wake({ everywhere: true })
  }

  #explain(job: OpenJob): Unplaced {
    return explain(job, {
      cluster: this.cluster,
      isPaused: (shape, peer) => this.#pauses.isPaused(shape, peer),
      isKept: (peer) => this.#scheduler.keptFor(peer) !== undefined && this.#scheduler.keptFor(peer) !== job,
    })
  }

  #allRoomChanged(): void {
    for (const { peer } of this.cluster.candidates()) this.#pools.roomChanged(peer)
    this.#scheduler.wake()
  }

  #looked(): void {
    this.#lookForRoom()
    // Who waits for very long may have its turn, or a node kept free.
    if (this.jobs.lines.size > 0) this.#scheduler.wake()
  }
}
