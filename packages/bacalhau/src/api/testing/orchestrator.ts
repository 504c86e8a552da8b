import {
  type Execution,
  isFinalJobState,
  type Job,
  jobEventOf,
  type JobHistory,
  type JobState,
  type NodeState,
  type SpecConfig,
  type Submission,
} from '@bacalhau/models'
import { JobFeed } from '../../orchestrator/feed/job-feed.ts'
import type {
  ChangesQuery,
  ListExecutionsQuery,
  ListJobsQuery,
  LogChunk,
  LogQuery,
  Once,
  Orchestrator,
  SubmitOptions,
} from '../../orchestrator/service.ts'
import type { Run } from '../../orchestrator/run.ts'
import { abortable } from '../../runtime/abort.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { systemClock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

type Details = Record<string, string>

/**
 * An orchestrator that runs nothing: jobs change when a test says so. It keeps to the contract of the interface, so that the
 * API can be tried without a swarm.
 */
export class ScriptedOrchestrator implements Orchestrator {
  readonly submissions: Submission[] = []
  readonly stopped: { id: string; reason: string }[] = []
  readonly queries: ListJobsQuery[] = []
  readonly logQueries: LogQuery[] = []
  /** Whether each submission was forced. */
  readonly forced: boolean[] = []
  /** Under which key each submission was made. */
  readonly onces: (Once | undefined)[] = []
  /** What was decided about nodes. */
  readonly decisions: { id: string; action: string; message: string }[] = []
  /** What a job does at once when it is submitted. */
  onSubmit: (job: Job) => void = () => {}
  /** Called when somebody begins to wait for a change. */
  onWait: (signal: AbortSignal) => void = () => {}
  /** What `logs` gives. */
  output: (signal: AbortSignal) => AsyncIterable<LogChunk> = async function* () {}
  nodeStates: NodeState[] = []
  #jobs = new Map<string, Job>()
  /** Earlier versions, oldest first. */
  #old = new Map<string, Job[]>()
  #events = new Map<string, JobHistory[]>()
  #executions = new Map<string, Execution[]>()
  #results = new Map<string, SpecConfig[]>()
  #changed = Promise.withResolvers<void>()
  readonly #feed = new JobFeed({
    clock: systemClock,
    history: ({ event }, after, limit) => this.history(event.JobID, after, limit),
  })

  /** Brings a job into a state, with an event that says so. */
  become(id: string, StateType: JobState, Message = '', Details: Details = {}): void {
    const job = this.#find(id)
    this.#jobs.set(job.ID, { ...job, Revision: job.Revision + 1, State: { StateType, Message, Details } })
    this.event(id, StateType, undefined, { NewState: StateType })
    this.#publish(job.ID)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  event(id: string, Message: string, ExecutionID?: string, Details?: Details): void {
    const events = this.#events.get(id) ?? []
    const Timestamp = new Date(1_700_000_000_000 + events.length * 1_000).toISOString()
    events.push({
      SeqNum: events.length + 1,
      Type: ExecutionID === undefined ? 'JobLevel' : 'ExecutionLevel',
      JobID: id,
      JobVersion: this.#jobs.get(id)?.Version ?? 1,
      ...(ExecutionID === undefined ? {} : { ExecutionID }),
      Event: { Message, Topic: 'Test', Timestamp, ...(Details === undefined ? {} : { Details }) },
      Time: Timestamp,
    })
    this.#events.set(id, events)
  }

  addExecution(execution: Execution): void {
    this.#executions.set(execution.JobID, [...(this.#executions.get(execution.JobID) ?? []), execution])
  }

  publish(id: string, ...results: SpecConfig[]): void {
    this.#results.set(id, results)
  }

  async submit(submission: Submission, { force = false, once }: SubmitOptions = {}): Promise<Job> {
    this.submissions.push(submission)
    this.onces.push(once)
    this.forced.push(force)
    const { spec } = submission
    const known = [...this.#jobs.values()].find(
      ({ Name, Namespace }) => Name === spec.Name && Namespace === spec.Namespace,
    )
    if (known !== undefined) {
      if (!force && (await this.diff(submission)).length === 0)
        throw new BacalhauError('Conflict', 'no changes detected')
      const next = this.#renew(known, { Tasks: spec.Tasks, Count: spec.Count ?? 1 })
      this.onSubmit(next)
      return next
    }
    const ID = `j-${String(this.submissions.length).padStart(8, '0')}-0000-4000-8000-000000000000`
    const job: Job = {
      ...spec,
      ID,
      Name: spec.Name || ID,
      Count: spec.Count ?? 1,
      State: { StateType: 'Pending' },
      Version: 1,
      Revision: 1,
      CreateTime: this.submissions.length,
      ModifyTime: this.submissions.length,
    }
    this.#jobs.set(ID, job)
    this.event(ID, 'Job submitted')
    this.#publish(ID)
    this.onSubmit(job)
    return job
  }

  async getJob(idOrName: string, namespace = 'default', version = 0): Promise<Job> {
    const job = this.#find(idOrName, namespace)
    if (version !== 0 && version !== job.Version) {
      const old = this.#old.get(job.ID)?.find(({ Version }) => Version === version)
      if (old !== undefined) return old
      throw new BacalhauError('NotFound', `job ${job.ID} has no version ${version}`, { component: 'JobStore' })
    }
    return job
  }

  async listJobs(query: ListJobsQuery) {
    this.queries.push(query)
    const jobs = [...this.#jobs.values()].filter(
      ({ Namespace }) =>
        ([undefined, '*'].includes(query.namespace) || Namespace === query.namespace) &&
        query.namespaces?.includes(Namespace) !== false,
    )
    const from = Number(query.nextToken ?? 0)
    const Items = (query.reverse === true ? jobs.reverse() : jobs).slice(from, from + (query.limit || 10))
    return { NextToken: from + Items.length < jobs.length ? String(from + Items.length) : '', Items }
  }

  async executions(idOrName: string) {
    return this.#executions.get(this.#find(idOrName).ID) ?? []
  }

  async history(idOrName: string, after: number, limit: number) {
    const events = this.#events.get(this.#find(idOrName).ID) ?? []
    return events.filter(({ SeqNum }) => SeqNum > after).slice(0, limit)
  }

  async stopJob(idOrName: string, reason: string): Promise<Job> {
    const { ID } = this.#find(idOrName)
    this.stopped.push({ id: ID, reason })
    this.become(ID, 'Stopped', reason)
    return this.#find(ID)
  }

  async waitForChange(idOrName: string, revision: number, signal: AbortSignal): Promise<Job> {
    this.onWait(signal)
    for (;;) {
      const job = this.#find(idOrName)
      if (job.Revision > revision || isFinalJobState(job.State.StateType)) return job
      await abortable(this.#changed.promise, signal)
    }
  }

  changes(query: ChangesQuery, signal: AbortSignal) {
    return this.#feed.changes(query, signal)
  }

  /** Readers of changes that wait for one. */
  get following(): number {
    return this.#feed.waiting
  }

  async results(idOrName: string) {
    return this.#results.get(this.#find(idOrName).ID) ?? []
  }

  async *logs(idOrName: string, query: LogQuery, signal: AbortSignal) {
    this.#find(idOrName)
    this.logQueries.push(query)
    yield* this.output(signal)
  }

  async diff({ spec }: Submission) {
    const job = [...this.#jobs.values()].find(({ Name }) => Name === spec.Name)
    const Count = spec.Count ?? 1
    return job === undefined || job.Count === Count ? [] : [{ path: 'Count', old: job.Count, new: Count }]
  }

  async rerun(idOrName: string, version?: number, namespace?: string) {
    return this.#renew(this.#find(idOrName, namespace), await this.getJob(idOrName, namespace, version))
  }

  async versions(idOrName: string, namespace?: string) {
    const job = this.#find(idOrName, namespace)
    return [...(this.#old.get(job.ID) ?? []), job]
  }

  async listExecutions(idOrName: string, { limit = 0, nextToken = '', version, match }: ListExecutionsQuery) {
    const wanted = version ?? this.#find(idOrName).Version
    const all = (await this.executions(idOrName)).filter(
      // The API matches by nothing but the id.
      ({ ID, JobVersion }) => (wanted === 0 || JobVersion === wanted) && match?.({ id: ID } as Run) !== false,
    )
    const from = Number(nextToken)
    const Items = all.slice(from, from + (limit || LIMITS.page))
    return { NextToken: from + Items.length < all.length ? String(from + Items.length) : '', Items }
  }

  async approveNode(id: string, message: string) {
    this.decisions.push({ id: this.node(id).Info.NodeID, action: 'approve', message })
  }

  async rejectNode(id: string, message: string) {
    this.decisions.push({ id: this.node(id).Info.NodeID, action: 'reject', message })
  }

  async deleteNode(id: string) {
    this.decisions.push({ id: this.node(id).Info.NodeID, action: 'delete', message: '' })
  }

  nodes() {
    return this.nodeStates
  }

  node(id: string): NodeState {
    const found = this.nodeStates.find(({ Info }) => Info.NodeID.startsWith(id))
    if (found === undefined) throw new BacalhauError('NotFound', `node not found: ${id}`, { component: 'NodesManager' })
    return found
  }

  #renew(job: Job, { Count, Tasks }: Pick<Job, 'Count' | 'Tasks'>): Job {
    this.#old.set(job.ID, [...(this.#old.get(job.ID) ?? []), job])
    const Version = job.Version + 1
    const next: Job = { ...job, Count, Tasks, Version, Revision: job.Revision + 1, State: { StateType: 'Pending' } }
    this.#jobs.set(job.ID, next)
    this.event(job.ID, 'Job updated')
    this.#publish(job.ID)
    return next
  }

  /** Tells those who follow that the job has changed, and what happened last. */
  #publish(id: string): void {
    const upTo = this.#events.get(id)?.length ?? 0
    this.#feed.publish({ event: jobEventOf(this.#find(id)), key: id, after: upTo - 1, upTo, visible: true })
  }

  #find(idOrName: string, namespace = 'default'): Job {
    for (const job of this.#jobs.values()) if (job.Name === idOrName && job.Namespace === namespace) return job
    const found = [...this.#jobs.values()].filter(({ ID }) => ID.startsWith(idOrName))
    const [job] = found
    if (job === undefined) throw new BacalhauError('NotFound', `job not found: ${idOrName}`, { component: 'JobStore' })
    if (found.length > 1) throw new BacalhauError('Conflict', `multiple jobs found for id ${idOrName}`)
    return job
  }
}
