import type { HeldExecution, NodeInfo, Offer, Resources } from '@bacalhau/models'
import { createComputeOffice } from '../link/compute-office.ts'
import type { ComputeChannel } from '../link/link-protocol.ts'
import type { LogChunk, LogOptions } from '../link/logs.ts'
import type { ComputeOffice, LinkSession, Verdict } from '../link/post-office.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { Journal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import type { ExecutionRunner, Refusal } from './runner.ts'
import { Workload } from './workload.ts'

/** What a compute node is busy with at this moment. */
export interface Load {
  readonly free: Resources
  readonly running: number
  /** Executions that wait for room. */
  readonly waiting: number
}

export interface ComputeOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Changes when the store of this node was lost. */
  readonly storeGeneration: string
  /** Secret that approves this node at its orchestrators. */
  readonly joinToken?: string
  /** What jobs may use together. */
  readonly capacity: Resources
  /** Why nothing new is taken for the moment; undefined when something is. */
  readonly shortage?: () => string | undefined
  /** Carries out what is taken; the node stops it. */
  readonly runner: ExecutionRunner
  /** This node's description. */
  readonly nodeInfo: (load: Load) => NodeInfo
  /** What an orchestrator has decided about this node. */
  readonly onMembership?: (orchestrator: string, membership: Verdict, message: string) => void
}

/**
 * Runs what orchestrators order, as much at a time as its capacity allows, and reports every end exactly once. `stop`
 * interrupts what runs and keeps it for the next start: a short stop (an update, a changed setting) costs a job no more than the
 * time. An orchestrator that does not want to wait places it elsewhere, and has it cancelled here later.
 */
export interface ComputeNode extends Stoppable {
  readonly capacity: Resources
  free(): Resources
  running(): number
  waiting(): number
  /** Presents this node to an orchestrator over a link that was opened to it. */
  attach(channel: ComputeChannel): LinkSession
  /** The description has changed: tells all orchestrators. */
  refresh(): void
  /** Why an offer of this orchestrator would not be taken, as things are; undefined when it would. */
  consider(orchestrator: string, offer: Offer): Promise<Refusal | undefined>
  /** Executions of an orchestrator that wait or run here. */
  held(orchestrator: string): HeldExecution[]
  /** Throws `NotFound` for an execution that is not here or not the reader's. */
  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>
}

/** Opens a compute node. What a former process left unfinished is begun again. */
export async function createComputeNode(options: ComputeOptions): Promise<ComputeNode> {
  const { capacity, nodeInfo, onMembership, runner } = options
  const journal = new Journal(options)
  const workload: Workload = new Workload({
    ...options,
    journal,
    post: (orchestrator, report) => office.post(orchestrator, report),
    tell: (orchestrator, executionId, message) => office.prepares(orchestrator, executionId, message),
  })
  const office: ComputeOffice = await createComputeOffice({
    ...options,
    journal,
    node: () => nodeInfo({ free: workload.free(), running: workload.running(), waiting: workload.waiting() }),
    handler: {
      held: (orchestrator) => workload.held(orchestrator),
      onOrder(orchestrator, message) {
        if (message.type === 'offer') workload.take(orchestrator, message)
        else workload.cancel(orchestrator, message.executionId, message.reason)
      },
      onMembership(orchestrator, membership, message) {
        if (membership === 'APPROVED') workload.greet(orchestrator)
        onMembership?.(orchestrator, membership, message)
      },
    },
  })
  await workload.recover()
  const stop = async () => {
    await workload.stop()
    // What has just ended is told while the links still stand; a store that refuses it keeps nobody waiting.
    await journal.flushed().catch(() => undefined)
    await office.stop()
    await journal.stop()
    await runner.stop()
  }
  let stopped: Promise<void> | undefined
  return {
    capacity,
    free: () => workload.free(),
    running: () => workload.running(),
    waiting: () => workload.waiting(),
    attach: (channel) => office.attach(channel),
    refresh: () => office.refresh(),
    consider: (orchestrator, offer) => workload.consider(orchestrator, offer),
    held: (orchestrator) => workload.held(orchestrator),
    readLogs: (executionId, reading, signal) => runner.readLogs(executionId, reading, signal),
    stop: () => (stopped ??= stop()),
  }
}
