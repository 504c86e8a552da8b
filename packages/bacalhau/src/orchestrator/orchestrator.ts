import {
  isFinalJobState,
  type Job,
  type NodeInfo,
  type NodeState,
  type SpecConfig,
  type Submission,
} from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { BacalhauError } from '../runtime/error.ts'
import { newJobId } from '../runtime/ids.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts'
import { findJob, listJobs, readExecutions, readHistory, readJob, requireJob } from './job-records.ts'
import { JobWatch } from './job-watch.ts'
import { chooseExecution, type LogRoutes, noExecution } from './log-routes.ts'
import type { NodeApproval } from './membership.ts'
import { type NodeSession, startNodeSession } from './node-session.ts'
import type { ListJobsQuery, LogChunk, LogQuery, Orchestrator } from './service.ts'

export interface OrchestratorOptions extends Omit<DispatcherOptions, 'onChange'> {
  /** This node's own description, for the list of nodes. */
  readonly self: () => NodeInfo
  readonly approval: NodeApproval
  /** Secret that makes a compute node a member. */
  readonly joinToken: string
  /** How the output of an execution at a node is read. */
  readonly logs: LogRoutes
}

/** An orchestrator with the end that compute nodes connect to. */
export interface RunningOrchestrator extends Orchestrator, Stoppable {
  /** Takes a link that a compute node opened. */
  attach(channel: OrchestratorChannel): void
}

export async function createOrchestrator(options: OrchestratorOptions): Promise<RunningOrchestrator> {
  const watch = new JobWatch()
  const dispatcher = new Dispatcher({ ...options, onChange: (jobId) => watch.changed(jobId) })
  await dispatcher.recover()
  return new Service(options, dispatcher, watch)
}

class Service implements RunningOrchestrator {
  readonly #options: OrchestratorOptions
  readonly #dispatcher: Dispatcher
  readonly #watch: JobWatch
  readonly #sessions = new Set<NodeSession>()
  /** Nanoseconds since the epoch of the newest job. */
  #newest = 0
  #stopped = false

  constructor(options: OrchestratorOptions, dispatcher: Dispatcher, watch: JobWatch) {
    this.#options = options
    this.#dispatcher = dispatcher
    this.#watch = watch
  }

  attach(channel: OrchestratorChannel): void {
    const session = startNodeSession(channel, this.#options, this.#dispatcher, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    if (this.#stopped) session.close()
  }

  async submit({ spec }: Submission): Promise<Job> {
    refuseUnsupported(spec.Type, spec.Count ?? 1)
    const { random, store } = this.#options
    const now = this.#timeOfCreation()
    const id = newJobId(random)
    const job: Job = {
      ...spec,
      ID: id,
      Name: spec.Name === '' ? id : spec.Name,
      Count: spec.Count ?? 1,
      Meta: { ...spec.Meta, 'bacalhau.org/orchestrator.id': this.#options.self().NodeID },
      State: { StateType: 'Pending' },
      Version: 1,
      Revision: 1,
      CreateTime: now,
      ModifyTime: now,
    }
    await this.#dispatcher.admit(job)
    return (await readJob(store, id)) ?? job
  }

  getJob(idOrName: string, namespace?: string): Promise<Job> {
    return findJob(this.#options.store, idOrName, namespace)
  }

  listJobs(query: ListJobsQuery) {
    return listJobs(this.#options.store, query)
  }

  async executions(idOrName: string, namespace?: string) {
    return readExecutions(this.#options.store, (await this.getJob(idOrName, namespace)).ID)
  }

  async history(idOrName: string, after: number, limit: number, namespace?: string) {
    const { ID } = await this.getJob(idOrName, namespace)
    return readHistory(this.#options.store, ID, after, Math.min(limit, LIMITS.page))
  }

  async stopJob(idOrName: string, reason: string, namespace?: string): Promise<Job> {
    const { ID } = await this.getJob(idOrName, namespace)
    const wasOpen = await this.#dispatcher.stopJob(ID, reason)
    const job = await this.#byId(ID)
    const { StateType } = job.State
    if (wasOpen || StateType === 'Stopped') return job
    throw new BacalhauError('Conflict', `cannot stop job in state ${StateType}`, { component: 'JobStore' })
  }

  async waitForChange(idOrName: string, revision: number, signal: AbortSignal, namespace?: string): Promise<Job> {
    const { ID } = await this.getJob(idOrName, namespace)
    const look = async () => {
      const job = await this.#byId(ID)
      return job.Revision > revision || isFinalJobState(job.State.StateType) ? job : undefined
    }
    return this.#watch.until(ID, look, signal)
  }

  async results(idOrName: string, namespace?: string): Promise<readonly SpecConfig[]> {
    const executions = await this.executions(idOrName, namespace)
    return executions.map(({ PublishedResult }) => PublishedResult).filter(({ Type }) => Type !== '')
  }

  async *logs(idOrName: string, query: LogQuery, signal: AbortSignal, namespace?: string): AsyncGenerator<LogChunk> {
    const { ID } = await this.getJob(idOrName, namespace)
    const look = async () => {
      const execution = chooseExecution(await readExecutions(this.#options.store, ID), query.executionId)
      if (execution !== undefined) return execution
      const { State } = await this.#byId(ID)
      if (query.follow !== true || isFinalJobState(State.StateType)) throw noExecution(ID, query.executionId)
      return undefined
    }
    const { ID: executionId, NodeID } = await this.#watch.until(ID, look, signal)
    yield* this.#options.logs(NodeID, { executionId, follow: query.follow ?? false, tail: query.tail ?? false }, signal)
  }

  nodes(): readonly NodeState[] {
    return this.#dispatcher.cluster.states()
  }

  node(id: string): NodeState {
    return this.#dispatcher.cluster.find(id)
  }

  /** Ends all links and writes what has been decided. Open jobs stay open: they are taken up again at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const session of this.#sessions) session.close()
    await this.#dispatcher.stop()
  }

  /** A job that was found before. A name that looks like its id must not get in the way. */
  #byId(id: string): Promise<Job> {
    return requireJob(this.#options.store, id)
  }

  /** Later than that of every job before, by a microsecond at least: listings and queues keep the order of submission. */
  #timeOfCreation(): number {
    this.#newest = Math.max(this.#options.clock.now() * 1e6, this.#newest + 1_000)
    return this.#newest
  }
}

function refuseUnsupported(type: Job['Type'], count: number): void {
  if (type !== 'batch') {
    throw new BacalhauError('NotImplemented', `${type} jobs are not supported yet`, {
      hint: 'Submit a job of Type batch.',
    })
  }
  if (count > LIMITS.jobCount) {
    throw new BacalhauError(
      'ValidationError',
      `Count: ${count} is more than the ${LIMITS.jobCount} executions that one job may have`,
    )
  }
}
