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
import { Cluster } from './cluster.ts'
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts'
import { findJob, listJobs, readExecutions, readHistory, readJob } from './job-records.ts'
import { JobWatch } from './job-watch.ts'
import { chooseExecution, type LogRoutes, noExecution } from './log-routes.ts'
import type { NodeApproval } from './membership.ts'
import { NodeSession, type SessionPolicy } from './node-session.ts'
import type { ListJobsQuery, LogChunk, LogQuery, Orchestrator } from './service.ts'

export interface OrchestratorOptions extends Omit<DispatcherOptions, 'cluster' | 'onChange'> {
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
  const cluster = new Cluster(() => options.clock.now())
  const dispatcher = new Dispatcher({ ...options, cluster, onChange: (jobId) => watch.changed(jobId) })
  await dispatcher.recover()
  return new Service(options, cluster, dispatcher, watch)
}

class Service implements RunningOrchestrator {
  readonly #options: OrchestratorOptions
  readonly #cluster: Cluster
  readonly #dispatcher: Dispatcher
  readonly #watch: JobWatch
  readonly #policy: SessionPolicy
  readonly #sessions = new Set<NodeSession>()

  constructor(options: OrchestratorOptions, cluster: Cluster, dispatcher: Dispatcher, watch: JobWatch) {
    this.#options = options
    this.#cluster = cluster
    this.#dispatcher = dispatcher
    this.#watch = watch
    this.#policy = {
      approval: options.approval,
      joinToken: options.joinToken,
      clock: options.clock,
      logger: options.logger,
    }
  }

  attach(channel: OrchestratorChannel): void {
    const dispatcher = this.#dispatcher
    const session: NodeSession = new NodeSession(channel, this.#policy, {
      onHello: (...args) => dispatcher.onHello(...args),
      onHeartbeat: (...args) => dispatcher.onHeartbeat(...args),
      onReport: (...args) => dispatcher.onReport(...args),
      onEnd: (...args) => {
        this.#sessions.delete(session)
        dispatcher.onEnd(...args)
      },
    })
    this.#sessions.add(session)
  }

  async submit({ spec }: Submission): Promise<Job> {
    refuseUnsupported(spec.Type, spec.Count ?? 1)
    const { random, clock, store } = this.#options
    const now = clock.now() * 1e6
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
    const job = await this.getJob(idOrName, namespace)
    if (await this.#dispatcher.stopJob(job.ID, reason)) return this.getJob(job.ID)
    const { State } = await this.getJob(job.ID)
    if (State.StateType === 'Stopped') return job
    throw new BacalhauError('Conflict', `cannot stop job in state ${State.StateType}`, { component: 'JobStore' })
  }

  async waitForChange(idOrName: string, revision: number, signal: AbortSignal, namespace?: string): Promise<Job> {
    const { ID } = await this.getJob(idOrName, namespace)
    const look = async () => {
      const job = await this.getJob(ID)
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
      const { State } = await this.getJob(ID)
      if (query.follow !== true || isFinalJobState(State.StateType)) throw noExecution(ID, query.executionId)
      return undefined
    }
    const { ID: executionId, NodeID } = await this.#watch.until(ID, look, signal)
    yield* this.#options.logs(NodeID, { executionId, follow: query.follow ?? false, tail: query.tail ?? false }, signal)
  }

  nodes(): readonly NodeState[] {
    return this.#cluster.states()
  }

  node(id: string): NodeState {
    return this.#cluster.find(id)
  }

  /** Ends all links. Open jobs stay open: they are taken up again at the next start. */
  async stop(): Promise<void> {
    this.#dispatcher.stop()
    for (const session of this.#sessions) session.close()
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
