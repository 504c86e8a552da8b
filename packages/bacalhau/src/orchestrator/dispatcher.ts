import { EXECUTION_STATES, type Job } from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import type { Clock } from '../runtime/clock.ts'
import { CATALOGUE } from '../runtime/error-catalogue.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Store } from '../store/store.ts'
import { Cluster } from './cluster.ts'
import type { Heartbeat, Hello, Report, SessionHandler } from './node-session.ts'
import type { OpenJob } from './open-job.ts'
import { isOver, OpenJobs } from './open-jobs.ts'
import { Patience } from './patience.ts'
import { Pauses } from './pauses.ts'
import { type Candidate, explain, plan, type Unplaced, type Want } from './placement.ts'
import { verdictOn } from './verdict.ts'

export interface DispatcherOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Something about this job is durably different. */
  readonly onChange: (jobId: string) => void
}

/** Brings open jobs and nodes together: places executions, hears the nodes' reports, notices when a node is lost. */
export class Dispatcher implements SessionHandler {
  readonly cluster: Cluster
  readonly #options: DispatcherOptions
  readonly #jobs: OpenJobs
  readonly #patience: Patience
  readonly #pauses: Pauses
  /** Jobs whose wait has to be judged in the next pass; `all` when the nodes have changed. */
  #due: Set<OpenJob> | 'all' = new Set()
  /** After a restart, until the nodes had the time to come back. */
  #settling = false
  #passScheduled = false
  #stopped = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    const { clock } = options
    this.#jobs = new OpenJobs({
      ...options,
      send: (nodeId, message) => this.cluster.channelTo(nodeId)?.send(message),
      onOpportunity: (job) => this.#schedulePass(job),
    })
    this.cluster = new Cluster(this.#jobs.assignments, () => clock.now())
    this.#pauses = new Pauses(clock, () => this.#schedulePass())
    this.#patience = new Patience(clock, {
      onLost: (nodeId) => this.#loseAll(nodeId),
      onForgotten: (nodeId) => {
        this.cluster.giveUp(nodeId)
        this.#schedulePass('all')
      },
    })
  }

  /** Takes up the jobs that were open when the orchestrator last stopped. Their nodes have a while to come back. */
  async recover(): Promise<void> {
    if ((await this.#jobs.recover()) === 0) return
    for (const nodeId of this.#jobs.assignments.nodes()) this.#patience.gone(nodeId, LIMITS.restartGrace)
    this.#settling = true
    this.#options.clock.after(LIMITS.restartGrace, () => {
      this.#settling = false
      this.#schedulePass('all')
    })
    this.#schedulePass('all')
  }

  /** Records a new job; resolves when it will survive a crash. Rejects, and forgets it, when it cannot be written. */
  admit(record: Job): Promise<void> {
    return this.#jobs.admit(record)
  }

  /** Ends an open job on its owner's behalf, durably. False when it is not open (any more). */
  stopJob(jobId: string, reason: string): Promise<boolean> {
    return this.#jobs.stop(jobId, reason)
  }

  onHello(channel: OrchestratorChannel, hello: Hello, membership: 'APPROVED' | 'PENDING'): void {
    const node = channel.peer
    this.cluster.connect(hello.node, membership, channel)?.close()
    if (membership !== 'APPROVED') return this.#patience.gone(node)
    this.#patience.back(node)
    this.#reconcile(channel, new Map(hello.held.map(({ executionId, state }) => [executionId, state])))
    this.#schedulePass('all')
  }

  onHeartbeat(channel: OrchestratorChannel, { node }: Heartbeat): void {
    this.cluster.heard(channel.peer, node)
    if (node !== undefined) this.#schedulePass('all')
  }

  onReport(channel: OrchestratorChannel, report: Report): void {
    const { executionId } = report
    this.cluster.heard(channel.peer, undefined)
    const job = this.#jobs.assignments.jobOf(channel.peer, executionId)
    if (job !== undefined) this.#hear(job, channel.peer, report)
    // One that was given up, or was never given to this node.
    else if (report.type === 'accepted' || report.type === 'progress') this.#cancel(channel, executionId)
    // Also for a repeated report, and one that comes too late: all that is left to say is that it may be forgotten.
    if (isFinalReport(report)) this.#jobs.after(() => channel.send({ type: 'settled', executionId }))
  }

  onEnd(channel: OrchestratorChannel, error: Error | undefined): void {
    if (!this.cluster.disconnect(channel, error?.message ?? 'connection closed') || this.#stopped) return
    this.#options.logger.info({ node: channel.peer, error: error?.message }, 'a compute node has gone')
    this.#patience.gone(channel.peer)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#patience.stop()
    this.#pauses.stop()
    await this.#jobs.close()
  }

  /** Brings what we have given to a node and what it holds, with its states, to the same. */
  #reconcile(channel: OrchestratorChannel, held: Map<string, number>): void {
    const { assignments } = this.#jobs
    for (const [executionId, job] of assignments.on(channel.peer)) {
      const state = held.get(executionId)
      held.delete(executionId)
      if (state === undefined) this.#jobs.lose(job, executionId)
      else if (state >= EXECUTION_STATES.BidAccepted) this.#hear(job, channel.peer, { type: 'accepted', executionId })
    }
    // What is left is unknown here or has ended here: running, it is stopped; ended, its report follows and is settled.
    for (const executionId of held.keys()) this.#cancel(channel, executionId)
  }

  #hear(job: OpenJob, nodeId: string, report: Report): void {
    const effect = this.#jobs.apply(job, report)
    if (effect.kind === 'refused' && effect.later) this.#pauses.begin(job.shape, nodeId)
    else if (effect.kind !== 'nothing') this.#pauses.end(job.shape, nodeId)
  }

  #cancel(channel: OrchestratorChannel, executionId: string): void {
    this.#jobs.after(() => channel.send({ type: 'cancel', executionId, reason: 'the job has ended' }))
  }

  /** What a node that has gone for too long had is lost. It may be back without being a member any more. */
  #loseAll(nodeId: string): void {
    if (this.cluster.channelTo(nodeId) !== undefined) return
    for (const [executionId, job] of this.#jobs.assignments.on(nodeId)) this.#jobs.lose(job, executionId)
  }

  /** Passes are coalesced: whatever happens in one turn of the event loop is decided together. */
  #schedulePass(due?: OpenJob | 'all'): void {
    if (due === 'all') this.#due = 'all'
    else if (due !== undefined && this.#due !== 'all') this.#due.add(due)
    if (this.#passScheduled || this.#stopped) return
    this.#passScheduled = true
    setImmediate(() => {
      this.#passScheduled = false
      if (!this.#stopped) this.#pass()
    })
  }

  #pass(): void {
    const { line, shapes } = this.#jobs.waiting
    const due = this.#due === 'all' ? [...line] : this.#due
    this.#due = new Set()
    if (line.length === 0) return
    const candidates = this.cluster.candidates()
    const placements = plan(this.#wants(line), shapes, candidates)
    for (const [jobId, group] of Map.groupBy(placements, ({ jobId }) => jobId)) this.#jobs.place(jobId, group)
    const reasons = new Map<string, Unplaced>()
    for (const job of due) this.#judge(job, candidates, reasons)
  }

  *#wants(line: readonly OpenJob[]): Generator<Want> {
    for (const job of line) yield this.#want(job)
  }

  #want({ ledger, resources, shape, offerBytes, refusals }: OpenJob): Want {
    const isPaused = (nodeId: string) => this.#pauses.isPaused(shape, nodeId)
    return { job: ledger.job, partitions: ledger.waiting, resources, shape, offerBytes, refusals, isPaused }
  }

  /** A job that still waits after a pass: should it, and why? `reasons` remembers those of its shape. */
  #judge(job: OpenJob, candidates: readonly Candidate[], reasons: Map<string, Unplaced>): void {
    const { ledger, shape, refusals } = job
    // A job of which a part is under way does not count as waiting.
    if (ledger.waiting.size === 0 || ledger.active.size > 0 || isOver(job)) return
    const known = refusals.size === 0 ? reasons.get(shape) : undefined
    const why = known ?? explain(this.#want(job), candidates)
    if (refusals.size === 0) reasons.set(shape, why)
    const now = this.#options.clock.now()
    const verdict = verdictOn(ledger.job, why, { settling: this.#settling, now })
    if (verdict.kind === 'fail') this.#jobs.fail(job, { ...verdict, hint: CATALOGUE[verdict.code].hint })
    else this.#jobs.wait(job, verdict.message)
  }
}

const isFinalReport = ({ type }: Report): boolean => type === 'completed' || type === 'failed' || type === 'cancelled'
