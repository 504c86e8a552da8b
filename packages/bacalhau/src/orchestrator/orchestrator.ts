import { hash } from 'node:crypto'
import {
  isFinalJobState,
  JOB_TYPES,
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
import { differences, isSameJob, newJob, specOf, updatedJob } from './admission.ts'
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts'
import {
  findId,
  findJob,
  type JobRow,
  listExecutions,
  newestJob,
  newJobKey,
  readHistory,
  readJob,
  readSpecs,
  readVersion,
  readVersions,
  requireJob,
} from './job-records.ts'
import { listJobs } from './job-listing.ts'
import { startHousekeeping } from './housekeeping.ts'
import { createInlineData, type DataVault, type InlineData } from './inline-data.ts'
import { JobFeed } from './feed/job-feed.ts'
import { JobWatch } from './job-watch.ts'
import { chooseExecution, type LogRoutes, noExecution } from './log-routes.ts'
import { measureOrchestrator, type OrchestratorTally } from './measures.ts'
import type { OpenJob } from './open-job.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { type Receipt, Receipts, type Stamp } from './receipts.ts'
import { progressOf, withEnd, withProgress } from './progress.ts'
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

export interface OrchestratorOptions extends Omit<DispatcherOptions, 'onChange'> {
  /** This node's own description, for the list of nodes. */
  readonly self: () => NodeInfo
  /** How the output of an execution at a node is read. */
  readonly logs: LogRoutes
  /** Ended jobs that are kept. */
  readonly keptJobs?: number
  readonly meter?: Meter
  /** Keeps large inline data once, by content; without it they stay in the jobs. */
  readonly vault?: DataVault
}

/** An orchestrator with the end that compute nodes connect to. */
export interface RunningOrchestrator extends Orchestrator, Stoppable {
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
  const dispatcher = new Dispatcher({ ...options, onChange })
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
  return new Service(
    options,
    { dispatcher, watch, feed, receipts, inline, tally, housekeeping },
    await newestJob(options.store),
  )
}

const createFeed = ({ store, clock }: OrchestratorOptions): JobFeed =>
  new JobFeed({
    clock,
    history: ({ event, key }, after, limit) => readHistory(store, { job: { ID: event.JobID }, key }, after, limit),
  })

/** One act of submitting. */
interface Act {
  readonly force: boolean
  /** Its place among all, in nanoseconds since the epoch. */
  readonly time: number
  readonly stamp?: Stamp
}

interface Parts {
  readonly dispatcher: Dispatcher
  readonly watch: JobWatch
  readonly feed: JobFeed
  readonly receipts: Receipts
  readonly inline: InlineData | undefined
  readonly tally: OrchestratorTally
  readonly housekeeping: Stoppable
}

class Service implements RunningOrchestrator {
  readonly #options: OrchestratorOptions
  readonly #dispatcher: Dispatcher
  readonly #watch: JobWatch
  readonly #feed: JobFeed
  readonly #housekeeping: Stoppable
  /** Submissions of one name, and changes of one job, one after the other. */
  readonly #inTurn = oneAtATime()
  readonly #inline: InlineData | undefined
  readonly #receipts: Receipts
  readonly #tally: OrchestratorTally
  /** Nanoseconds since the epoch of the newest job. */
  #newest: number

  constructor(
    options: OrchestratorOptions,
    { dispatcher, watch, feed, receipts, inline, tally, housekeeping }: Parts,
    newest: number,
  ) {
    this.#options = options
    this.#newest = newest
    this.#housekeeping = housekeeping
    this.#inline = inline
    this.#dispatcher = dispatcher
    this.#watch = watch
    this.#feed = feed
    this.#receipts = receipts
    this.#tally = tally
  }

  attach(channel: OrchestratorChannel): void {
    this.#dispatcher.office.attach(channel)
  }

  async submit({ spec }: Submission, { force = false, once }: SubmitOptions = {}): Promise<Job> {
    // First of all, so that submissions keep their order whatever each has to wait for.
    const time = this.#timeOfCreation()
    if (once === undefined) return this.#submit(spec, { force, time })
    const digest = hash('sha256', JSON.stringify([spec, force]))
    return this.#receipts.once(
      { ...once, namespace: spec.Namespace, digest },
      (stamp) => this.#submit(spec, { force, time, stamp }),
      (receipt) => this.#recall(receipt, spec, time),
    )
  }

  async #submit(submitted: Submission['spec'], act: Act): Promise<Job> {
    const spec = await this.#stow(submitted)
    if (spec.Name === '') return this.#create(spec, act)
    return this.#inTurn(`${spec.Namespace}\u0000${spec.Name}`, async () => {
      const id = await findId(this.#options.store, spec.Namespace, spec.Name)
      return id === undefined ? this.#create(spec, act) : this.#update(id, spec, act)
    })
  }

  /** What a submission made that was made before. Of a job that is not kept any more not much is known. */
  async #recall({ job: ID, version, type }: Receipt, spec: Submission['spec'], time: number): Promise<Job> {
    const row = await readJob(this.#options.store, ID)
    if (row !== undefined) return row.job.Version === version ? row.job : this.getJob(ID, undefined, version)
    const { Type, ...gone } = newJob(spec, this.#options.random, this.#options.self().NodeID, time)
    const State = { StateType: 'Undefined', Message: 'the job is not kept any more' } as const
    const known = JOB_TYPES.find((name) => name === type) ?? Type
    return { ...gone, ID, Name: spec.Name || ID, Type: known, Version: version, State }
  }

  async diff(submission: Submission) {
    const spec = await this.#stow(submission.spec)
    const id = spec.Name === '' ? undefined : await findId(this.#options.store, spec.Namespace, spec.Name)
    if (id === undefined) return []
    const { job } = await requireJob(this.#options.store, id)
    return differences(job, updatedJob(job, spec))
  }

  async rerun(idOrName: string, version?: number, namespace?: string): Promise<Job> {
    const { job } = await this.#find(idOrName, namespace)
    return this.#inTurn(job.ID, async () => {
      const spec = await this.#stored(job, version)
      await this.#inline?.require(spec)
      const open = await this.#dispatcher.jobs.reopen(job.ID)
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

  async getJob(idOrName: string, namespace?: string, version?: number): Promise<Job> {
    const { job } = await this.#find(idOrName, namespace)
    return this.#restore(await this.#stored(job, version))
  }

  /** A version of a job, the present one as it is at this moment; its inline data are not in it. */
  async #stored(job: Job, version: number | undefined): Promise<Job> {
    if (version === undefined || version === 0 || version === job.Version) return this.#live(job)
    const old = await readVersion(this.#options.store, job.ID, version)
    if (old !== undefined) return old
    throw new BacalhauError('NotFound', `job version ${version} not found for job ${job.ID}`, {
      component: 'JobStore',
      hint: `See \`bacalhau job versions ${job.ID}\`.`,
    })
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
    return listExecutions(this.#options.store, await this.#find(idOrName, namespace), query)
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
    const look = async () => {
      const row = await requireJob(this.#options.store, ID)
      const { Items } = await listExecutions(this.#options.store, row, { version: query.version ?? 0 })
      const execution = chooseExecution(Items, query.executionId)
      if (execution !== undefined) return execution
      if (query.follow !== true || isFinalJobState(row.job.State.StateType)) throw noExecution(ID, query.executionId)
      return undefined
    }
    const { ID: executionId, NodeID } = await this.#watch.until(ID, look, signal)
    const { executionId: _, version: __, ...part } = query
    yield* this.#options.logs(NodeID, { follow: false, tail: false, ...part, executionId }, signal)
  }

  nodes(): readonly NodeState[] {
    return this.#dispatcher.cluster.states()
  }

  node(id: string): NodeState {
    return this.#dispatcher.cluster.find(id)
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

  async #create(spec: Submission['spec'], { time, stamp }: Act): Promise<Job> {
    const job = newJob(spec, this.#options.random, this.#options.self().NodeID, time)
    const row = { job, key: newJobKey(time), since: Math.floor(time / 1e6) }
    const admitted = await this.#dispatcher.jobs.admit(row, stamp?.(job, false))
    this.#tally.submitted()
    return admitted
  }

  #update(id: string, spec: Submission['spec'], { force, stamp }: Act): Promise<Job> {
    return this.#inTurn(id, async () => {
      const open = await this.#dispatcher.jobs.reopen(id)
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
    this.#dispatcher.jobs.renew(open, job, { topic: 'Submission', message }, receipt)
    const renewed = open.job
    await this.#dispatcher.journal.flushed()
    this.#tally.submitted()
    return renewed
  }

  /** Large data in the spec are kept by content, once for all jobs, and shown again with a single job. */
  async #stow<T extends Submission['spec']>(spec: T): Promise<T> {
    return this.#inline === undefined ? spec : this.#inline.stow(spec)
  }

  async #restore(job: Job): Promise<Job> {
    return this.#inline === undefined ? job : this.#inline.restore(job)
  }

  #find(idOrName: string, namespace?: string): Promise<JobRow> {
    return findJob(this.#options.store, idOrName, namespace)
  }

  /** The stored record with what only memory knows: how far it is, and why it waits at this very moment. */
  #live(job: Job): Job {
    const open = this.#dispatcher.jobs.get(job.ID)
    return open === undefined ? withEnd(job) : withProgress(job, open, this.#dispatcher.reason(open))
  }

  /** Later than that of every job before, by a microsecond at least: listings and queues keep the order of submission. */
  #timeOfCreation(): number {
    this.#newest = Math.max(this.#options.clock.now() * 1e6, this.#newest + 1_000)
    return this.#newest
  }
}
