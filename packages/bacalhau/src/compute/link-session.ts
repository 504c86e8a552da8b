import { EXECUTION_STATES, LINK_VERSIONS, type NodeInfo, type OrchestratorMessage } from '@bacalhau/models'
import type { ComputeChannel } from '../link/link-protocol.ts'
import { type Pulse, startPulse } from '../link/pulse.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ComputeNode, HeldSummary } from './compute-node.ts'

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
      () => channel.abort(new BacalhauError('PeerUnreachable', 'the orchestrator has fallen silent')),
    )
    options.compute.listen(channel.peer, {
      accepted: (executionId) => channel.send({ type: 'accepted', executionId }),
      refused: (executionId, refusal) => channel.send({ type: 'refused', executionId, ...refusal }),
      progress: (executionId, state) =>
        channel.send({ type: 'progress', executionId, state: state === 'running' ? 6 : 7 }),
      ended: (report) => channel.send(report),
    })
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    channel.start({
      onMessage: (message) => this.#receive(message),
      onSign: () => this.#pulse.heard(),
      onClose: (error) => {
        this.#pulse.stop()
        resolve(error)
      },
    })
    this.#greet()
  }

  refresh(): void {
    this.#channel.send({ type: 'heartbeat', node: this.#options.nodeInfo() })
  }

  close(): void {
    this.#channel.close()
  }

  #greet(): void {
    const { compute, joinToken, nodeInfo, storeGeneration } = this.#options
    this.#channel.send({
      type: 'hello',
      versions: [...LINK_VERSIONS],
      node: nodeInfo(),
      storeGeneration,
      held: compute.held(this.#channel.peer).map((held) => ({ executionId: held.executionId, state: stateOf(held) })),
      ...(joinToken === undefined ? {} : { joinToken }),
    })
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
        return compute.offer(orchestrator, message)
      case 'cancel':
        return compute.cancel(orchestrator, message.executionId, message.reason)
      case 'settled':
        return this.#forget(message.executionId)
      case 'heartbeat':
    }
  }

  #reportEnded(): void {
    for (const { report } of this.#options.compute.held(this.#channel.peer)) {
      if (report !== undefined) this.#channel.send(report)
    }
  }

  /** When it cannot be written now, the report is repeated after the next start, and settled once more. */
  #forget(executionId: string): void {
    const { compute, logger } = this.#options
    compute.settled(this.#channel.peer, executionId).catch((error: unknown) => {
      logger.error({ executionId, error: messageOf(error) }, 'cannot forget an execution')
    })
  }
}

/** The execution state that an orchestrator has to know of. */
function stateOf({ accepted, report }: HeldSummary): number {
  switch (report?.type) {
    case 'completed':
      return EXECUTION_STATES.Completed
    case 'failed':
      return EXECUTION_STATES.Failed
    case 'cancelled':
      return EXECUTION_STATES.Cancelled
    case undefined:
      return accepted ? EXECUTION_STATES.BidAccepted : EXECUTION_STATES.AskForBid
  }
}
