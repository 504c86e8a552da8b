import {
  isFinalJobState,
  type Job,
  jobEventOf,
  type NodeInfo,
  type NodeState,
  type SpecConfig,
  type Submission,
} from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { createMeter, type Meter } from '../runtime/meter.ts'
import { LIMITS } from '../runtime/limits.ts'
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts'
import {
  findJob,
  type JobRow,
  listExecutions,
  newestJob,
  readHistory,
  readSpecs,
  readVersions,
  requireJob,
  requireVersion,
} from './job-records.ts'
import { listJobs } from './job-listing.ts'
import { startHousekeeping } from './housekeeping.ts'
import { createInlineData, type DataVault } from './inline-data.ts'
import { NO_EVENTS } from './feed/change.ts'
import { JobFeed } from './feed/job-feed.ts'
import { JobWatch } from './job-watch.ts'
import { chooseExecution, endedOutput, type LogRoutes, noExecution } from './log-routes.ts'
import { measureOrchestrator } from './measures.ts'
import { type OneAtATime, oneAtATime } from './one-at-a-time.ts'
import { Receipts } from './receipts.ts'
import type { OpenJob } from './open-job.ts'
import { progressOf, withEnd, withPreparation, withProgress } from './progress.ts'
import type {
  Change,
  ChangesQuery,
  ListExecutionsQuery,
  ListJobsQuery,
  LogChunk,
  LogQuery,
  Orchestrator,
  SubmitOptions,
} from './service.ts'
import { Submissions } from './submissions.ts'

export interface OrchestratorOptions extends Omit<DispatcherOptions, 'onChange'> {
  /** This node's own description, for the list of nodes. */
  readonly self: () => NodeInfo
  /** How the output of an execution at a node is read. */
  readonly logs: LogRoutes
  /** What is known of a node beside what it says of itself, for the list of nodes. */
  readonly aboutPeer?: (peerId: string, info: NodeInfo) => Partial<Pick<NodeState, 'Reach' | 'Protocol' | 'Guarantees'>>
  /** Ended jobs that are kept. */
  readonly keptJobs?: number
  readonly meter?: Meter
  /** Keeps large inline data once, by content; without it they stay in the jobs. */
  readonly vault?: DataVault
  /** Throws for a spec that this orchestrator cannot serve, whichever nodes there are. */
  readonly check?: (spec: Submission['spec']) => void
}

/** An orchestrator with the end that compute nodes connect to. */
export interface RunningOrchestrator extends Orchestrator, Stoppable {
  /** Is this node approved? */
  isMember(peerId: string): boolean
  /** Takes a link that a compute node opened. */
  attach(channel: OrchestratorChannel): void
}

export async function createOrchestrator(options: OrchestratorOptions): Promise<RunningOrchestrator> {
  const watch = new JobWatch()
  const feed = createFeed(options)
  const onChange: DispatcherOptions['onChange'] = (open, taken) => {
    watch.changed(taken.job.ID)
    const { StateType } = taken.job.State
    if (taken.visible && isFinalJobState(StateType)) tally.ended(StateType)
    if (!feed.isUsed) return
    const progress = progressOf(open)
    const visible = taken.visible || progress !== undefined
    feed.publish({ ...taken, event: jobEventOf(taken.job, progress), key: open.ledger.key, visible })
  }
  const dispatcher = new Dispatcher({ ...options, onChange, onPreparing: (open) => publishPreparation(feed, open) })
  const tally = measureOrchestrator(options.meter ?? createMeter(), {
    dispatcher,
    following: () => feed.waiting,
    waiting: () => watch.size,
  })
  await dispatcher.start()
  const receipts = new Receipts({ ...options, journal: dispatcher.journal })
  const inline = options.vault === undefined ? undefined : createInlineData(options.vault)
  let mayBeLeft = true
  const housekeeping = startHousekeeping({
    ...options,
    sweep: async () => {
      await receipts.sweep()
      // Looking at all jobs is only worth it when some have gone, also in the life before this one.
      if (mayBeLeft) mayBeLeft = ((await inline?.sweep(readSpecs(options.store))) ?? 0) > 0
    },
    kept: options.keptJobs ?? 100_000,
    isBusy: (jobId) => dispatcher.jobs.isBusy(jobId),
    onRemoved({ job }) {
      mayBeLeft = true
      dispatcher.jobRemoved(job.ID)
    },
  })
  const inTurn = oneAtATime()
  const submissions = new Submissions({
    ...options,
    nodeId: () => options.self().NodeID,
    dispatcher,
    receipts,
    inline,
    tally,
    inTurn,
    newest: await newestJob(options.store),
  })
  return new Service(options, { dispatcher, watch, feed, submissions, inTurn, housekeeping })
}

const createFeed = ({ store, clock }: OrchestratorOptions): JobFeed =>
  new JobFeed({
    clock,
    history: ({ event, key }, after, limit) => readHistory(store, { job: { ID: event.JobID }, key }, after, limit),
  })

/** Of a job with many runs nobody is told how far each of them is. */
function publishPreparation(feed: JobFeed, open: OpenJob): void {
  if (!feed.isUsed || open.ledger.active > 1) return
  const event = jobEventOf(withProgress(open.job, open, undefined), progressOf(open))
  feed.publish({ event, key: open.ledger.key, ...NO_EVENTS, visible: true })
}

interface Parts {
  readonly dispatcher: Dispatcher
  readonly watch: JobWatch
  readonly feed: JobFeed
  readonly submissions: Submissions
  /** Submissions of one name, and changes of one job, one after the other. */
  readonly inTurn: OneAtATime
  readonly housekeeping: Stoppable
}

class Service implements RunningOrchestrator {
  readonly #options: OrchestratorOptions
  readonly #dispatcher: Dispatcher
  readonly #watch: JobWatch
  readonly #feed: JobFeed
  readonly #submissions: Submissions
  readonly #inTurn: OneAtATime
  readonly #housekeeping: Stoppable

  constructor(options: OrchestratorOptions, { dispatcher, watch, feed, submissions, inTurn, housekeeping }: Parts) {
    this.#options = options
    this.#dispatcher = dispatcher
    this.#watch = watch
    this.#feed = feed
    this.#submissions = submissions
    this.#inTurn = inTurn
    this.#housekeeping = housekeeping
  }

  attach(channel: OrchestratorChannel): void {
    this.#dispatcher.office.attach(channel)
  }

  submit(submission: Submission, options?: SubmitOptions): Promise<Job> {
    return this.#submissions.submit(submission, options)
  }

  diff(submission: Submission, options?: Pick<SubmitOptions, 'readable'>) {
    return this.#submissions.diff(submission, options)
  }

  async rerun(idOrName: string, version?: number, namespace?: string): Promise<Job> {
    return this.#submissions.rerun((await this.#find(idOrName, namespace)).job, version)
  }

  async getJob(idOrName: string, namespace?: string, version?: number): Promise<Job> {
    const { job } = await this.#find(idOrName, namespace)
    const found = await requireVersion(this.#options.store, job, version)
    return this.#submissions.restore(found === job ? this.#live(job) : found)
  }

  async versions(idOrName: string, namespace?: string): Promise<readonly Job[]> {
    const { job } = await this.#find(idOrName, namespace)
    return [...(await readVersions(this.#options.store, job.ID)), this.#live(job)]
  }

  async listJobs(query: ListJobsQuery) {
    const page = await listJobs(this.#options.store, query)
    return { ...page, Items: page.Items.map((job) => this.#live(job)) }
  }

  async executions(idOrName: string, namespace?: string) {
    return (await this.listExecutions(idOrName, {}, namespace)).Items
  }

  async listExecutions(idOrName: string, query: ListExecutionsQuery, namespace?: string) {
    const row = await this.#find(idOrName, namespace)
    const page = await listExecutions(this.#options.store, row, query)
    const open = this.#dispatcher.jobs.get(row.job.ID)
    return open === undefined ? page : { ...page, Items: page.Items.map((item) => withPreparation(item, open)) }
  }

  async history(idOrName: string, after: number, limit: number, namespace?: string) {
    return readHistory(this.#options.store, await this.#find(idOrName, namespace), after, Math.min(limit, LIMITS.page))
  }

  async stopJob(idOrName: string, reason: string, namespace?: string): Promise<Job> {
    const { job } = await this.#find(idOrName, namespace)
    return this.#inTurn(job.ID, async () => {
      const open = this.#dispatcher.jobs.get(job.ID)
      const wasOpen = open !== undefined && !open.ledger.isOver
      if (wasOpen) this.#dispatcher.jobs.stop(open, reason)
      await this.#dispatcher.journal.flushed()
      const now = open?.job ?? (await requireJob(this.#options.store, job.ID)).job
      const { StateType } = now.State
      if (wasOpen || StateType === 'Stopped') return now
      throw new BacalhauError('Conflict', `cannot stop job in state ${StateType}`, { component: 'JobStore' })
    })
  }

  async waitForChange(idOrName: string, revision: number, signal: AbortSignal, namespace?: string): Promise<Job> {
    const { job } = await this.#find(idOrName, namespace)
    const look = async () => {
      const now = (await requireJob(this.#options.store, job.ID)).job
      return now.Revision > revision || isFinalJobState(now.State.StateType) ? this.#live(now) : undefined
    }
    return this.#watch.until(job.ID, look, signal)
  }

  changes(query: ChangesQuery, signal: AbortSignal): AsyncIterable<readonly Change[]> {
    return this.#feed.changes(query, signal)
  }

  async results(idOrName: string, namespace?: string): Promise<readonly SpecConfig[]> {
    const found: SpecConfig[] = []
    const row = await this.#find(idOrName, namespace)
    for (let nextToken: string | undefined = ''; nextToken !== undefined;) {
      const match = ({ result }: { readonly result?: SpecConfig | undefined }) => result !== undefined
      const page = await listExecutions(this.#options.store, row, { match, nextToken })
      found.push(...page.Items.map(({ PublishedResult }) => PublishedResult))
      nextToken = page.NextToken === '' ? undefined : page.NextToken
    }
    return found
  }

  async *logs(idOrName: string, query: LogQuery, signal: AbortSignal, namespace?: string): AsyncGenerator<LogChunk> {
    const { ID } = (await this.#find(idOrName, namespace)).job
    const { executionId: wanted, version = 0 } = query
    const match = ({ id }: { readonly id: string }) => wanted === undefined || id.startsWith(wanted)
    const look = async () => {
      const row = await requireJob(this.#options.store, ID)
      const { Items } = await listExecutions(this.#options.store, row, { version, match })
      const execution = chooseExecution(Items, query.executionId)
      if (execution !== undefined) return execution
      if (query.follow !== true || isFinalJobState(row.job.State.StateType)) throw noExecution(ID, query.executionId)
      return undefined
    }
    const execution = await this.#watch.until(ID, look, signal)
    const { executionId: _, version: __, ...part } = query
    const request = { follow: false, tail: false, ...part, executionId: execution.ID }
    yield* this.#options.logs(execution.NodeID, request, signal, endedOutput(execution))
  }

  nodes(): readonly NodeState[] {
    return this.#dispatcher.cluster.states().map((state) => this.#described(state))
  }

  node(id: string): NodeState {
    return this.#described(this.#dispatcher.cluster.find(id))
  }

  isMember(peerId: string): boolean {
    return this.#dispatcher.cluster.isApproved(peerId)
  }

  #described(state: NodeState): NodeState {
    return { ...state, ...this.#options.aboutPeer?.(state.Info.NodeID, state.Info) }
  }

  async approveNode(id: string, message: string): Promise<void> {
    const words = message || 'the operator of the orchestrator has approved the node'
    this.#dispatcher.decide(this.#dispatcher.nodeId(id), { membership: 'APPROVED', message: words })
    await this.#dispatcher.journal.flushed()
  }

  async rejectNode(id: string, message: string): Promise<void> {
    const words = message || 'the operator of the orchestrator has rejected the node'
    this.#dispatcher.decide(this.#dispatcher.nodeId(id), { membership: 'REJECTED', message: words })
    await this.#dispatcher.journal.flushed()
  }

  async deleteNode(id: string): Promise<void> {
    this.#dispatcher.forgetNode(this.#dispatcher.nodeId(id))
    await this.#dispatcher.journal.flushed()
  }

  /** Ends all links and writes what has been decided. Open jobs stay open: they are taken up again at the next start. */
  async stop(): Promise<void> {
    await this.#housekeeping.stop()
    await this.#dispatcher.stop()
  }

  #find(idOrName: string, namespace?: string): Promise<JobRow> {
    return findJob(this.#options.store, idOrName, namespace)
  }

  /** The stored record with what only memory knows: how far it is, and why it waits at this very moment. */
  #live(job: Job): Job {
    const open = this.#dispatcher.jobs.get(job.ID)
    return open === undefined ? withEnd(job) : withProgress(job, open, this.#dispatcher.reason(open))
  }
}
