import { type ComputeMessage, LINK_VERSIONS } from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { type Pulse, startPulse } from '../link/pulse.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { decideMembership, type NodeApproval } from './membership.ts'

export type Hello = Extract<ComputeMessage, { type: 'hello' }>
export type Heartbeat = Extract<ComputeMessage, { type: 'heartbeat' }>
export type Report = Exclude<ComputeMessage, Hello | Heartbeat>

export interface SessionHandler {
  /** The node has presented itself; `membership` says whether it may get work. Called once, before anything else. */
  onHello(channel: OrchestratorChannel, hello: Hello, membership: 'APPROVED' | 'PENDING'): void
  onHeartbeat(channel: OrchestratorChannel, heartbeat: Heartbeat): void
  /** A report about an execution, from an approved node only. */
  onReport(channel: OrchestratorChannel, report: Report): void
  /** The link of a node that had presented itself has ended. */
  onEnd(channel: OrchestratorChannel, error: Error | undefined): void
}

export interface SessionPolicy {
  readonly approval: NodeApproval
  readonly joinToken: string
  readonly clock: Clock
  readonly logger: Logger
}

export interface NodeSession {
  close(): void
}

/**
 * The orchestrator's side of one link: handshake, membership, heartbeats. What the messages mean is the handler's business.
 * `onClosed` is called last of all, also for a node that never presented itself.
 */
export function startNodeSession(
  channel: OrchestratorChannel,
  policy: SessionPolicy,
  handler: SessionHandler,
  onClosed: () => void,
): NodeSession {
  const session = new Session(channel, policy, handler)
  channel.start({
    onMessage: (message) => session.receive(message),
    onSign: () => session.heard(),
    onClose(error) {
      session.end(error)
      onClosed()
    },
  })
  return channel
}

class Session {
  readonly #channel: OrchestratorChannel
  readonly #policy: SessionPolicy
  readonly #handler: SessionHandler
  readonly #pulse: Pulse
  readonly #handshake: Timer
  #membership: 'APPROVED' | 'PENDING' | undefined

  constructor(channel: OrchestratorChannel, policy: SessionPolicy, handler: SessionHandler) {
    this.#channel = channel
    this.#policy = policy
    this.#handler = handler
    this.#handshake = policy.clock.after(LIMITS.handshake, () => channel.close())
    this.#pulse = startPulse(
      policy.clock,
      () => channel.send({ type: 'heartbeat' }),
      () => channel.abort(new BacalhauError('PeerUnreachable', 'the node has fallen silent')),
    )
  }

  heard(): void {
    this.#pulse.heard()
  }

  receive(message: ComputeMessage): void {
    this.#pulse.heard()
    if (message.type === 'hello') return this.#greet(message)
    if (message.type === 'heartbeat') return this.#beat(message)
    if (this.#membership === 'APPROVED') return this.#handler.onReport(this.#channel, message)
    const facts = { node: this.#channel.peer, type: message.type }
    this.#policy.logger.warn(facts, 'a node that is no member sent a report')
  }

  end(error: Error | undefined): void {
    this.#handshake.cancel()
    this.#pulse.stop()
    if (this.#membership !== undefined) this.#handler.onEnd(this.#channel, error)
  }

  #beat(message: Heartbeat): void {
    if (this.#membership === undefined) return
    if (message.node === undefined || this.#isItself(message.node.NodeID))
      this.#handler.onHeartbeat(this.#channel, message)
  }

  #greet(hello: Hello): void {
    const { approval, joinToken, logger } = this.#policy
    const version = LINK_VERSIONS.find((known) => hello.versions.includes(known))
    // One hello per link; a second one, a foreign name or an unknown language ends it.
    if (this.#membership !== undefined || version === undefined || !this.#isItself(hello.node.NodeID)) {
      const facts = { node: this.#channel.peer, named: hello.node.NodeID, versions: hello.versions }
      logger.warn(facts, 'a node presented itself wrongly')
      return this.#channel.close()
    }
    this.#handshake.cancel()
    const applicant = { sameMachine: this.#channel.sameMachine, joinToken: hello.joinToken }
    const { membership, message } = decideMembership(applicant, approval, joinToken)
    this.#membership = membership
    this.#channel.send({ type: 'welcome', version, membership, message })
    this.#handler.onHello(this.#channel, hello, membership)
  }

  /** A peer describes itself and nobody else. */
  #isItself(nodeId: string): boolean {
    return nodeId === this.#channel.peer
  }
}
