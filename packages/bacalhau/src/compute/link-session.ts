import { type ComputeMessage, LINK_VERSIONS, type NodeInfo, type OrchestratorMessage } from '@bacalhau/models'
import type { ComputeChannel } from '../link/link-protocol.ts'
import { type Pulse, startPulse } from '../link/pulse.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ComputeNode } from './compute-node.ts'

export interface SessionOptions {
  readonly compute: ComputeNode
  /** This node's description, taken anew whenever it is sent. */
  readonly nodeInfo: () => NodeInfo
  readonly storeGeneration: string
  readonly joinToken?: string
  readonly clock: Clock
  readonly logger: Logger
  /** What the orchestrator decided about this node. */
  readonly onMembership?: (membership: 'PENDING' | 'APPROVED' | 'REJECTED', message: string) => void
}

export interface LinkSession {
  /** Resolves when the link has ended, with the error that broke it, if any. */
  readonly ended: Promise<Error | undefined>
  /** Tells the orchestrator that this node's description has changed. */
  refresh(): void
  close(): void
}

/**
 * One link of a compute node to an orchestrator, from the handshake to its end: says what this node is and holds, then takes
 * offers and reports on them. Reports of executions that ended while there was no link follow right after the handshake.
 */
export function startLinkSession(channel: ComputeChannel, options: SessionOptions): LinkSession {
  return new Session(channel, options)
}

class Session implements LinkSession {
  readonly ended: Promise<Error | undefined>
  readonly #channel: ComputeChannel
  readonly #options: SessionOptions
  readonly #pulse: Pulse

  constructor(channel: ComputeChannel, options: SessionOptions) {
    this.#channel = channel
    this.#options = options
    this.#pulse = startPulse(
      options.clock,
      () => channel.send({ type: 'heartbeat' }),
      () => channel.close(),
    )
    options.compute.listen(channel.peer, {
      accepted: (executionId) => this.#send({ type: 'accepted', executionId }),
      refused: (executionId, refusal) => this.#send({ type: 'refused', executionId, ...refusal }),
      progress: (executionId, state) =>
        this.#send({ type: 'progress', executionId, state: state === 'running' ? 6 : 7 }),
      ended: (report) => this.#send(report),
    })
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    channel.start({
      onMessage: (message) => this.#receive(message),
      onClose: (error) => {
        this.#pulse.stop()
        resolve(error)
      },
    })
    this.#greet()
  }

  refresh(): void {
    this.#send({ type: 'heartbeat', node: this.#options.nodeInfo() })
  }

  close(): void {
    this.#channel.close()
  }

  #greet(): void {
    const { compute, joinToken, nodeInfo, storeGeneration } = this.#options
    this.#send({
      type: 'hello',
      versions: [...LINK_VERSIONS],
      node: nodeInfo(),
      storeGeneration,
      held: compute
        .held(this.#channel.peer)
        .map(({ executionId, report }) => ({ executionId, state: stateOf(report?.type) })),
      ...(joinToken === undefined ? {} : { joinToken }),
    })
  }

  #send(message: ComputeMessage): void {
    this.#pulse.spoke()
    this.#channel.send(message)
  }

  #receive(message: OrchestratorMessage): void {
    this.#pulse.heard()
    const { compute, onMembership } = this.#options
    const orchestrator = this.#channel.peer
    switch (message.type) {
      case 'welcome':
        onMembership?.(message.membership, message.message)
        if (message.membership === 'APPROVED') this.#reportEnded()
        return
      case 'offer':
        return this.#background(compute.offer(orchestrator, message))
      case 'cancel':
        return compute.cancel(orchestrator, message.executionId, message.reason)
      case 'settled':
        return this.#background(compute.settled(orchestrator, message.executionId))
      case 'heartbeat':
    }
  }

  #reportEnded(): void {
    for (const { report } of this.#options.compute.held(this.#channel.peer)) {
      if (report !== undefined) this.#send(report)
    }
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#options.logger.error({ orchestrator: this.#channel.peer, error: String(error) }, 'a request failed')
    })
  }
}

/** Number of the execution state that a report of this type stands for; without a report the execution is under way. */
function stateOf(report: 'completed' | 'failed' | 'cancelled' | undefined): number {
  switch (report) {
    case 'completed':
      return 9
    case 'failed':
      return 10
    case 'cancelled':
      return 11
    case undefined:
      return 6
  }
}
