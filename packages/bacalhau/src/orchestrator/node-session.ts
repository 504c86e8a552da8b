import { type ComputeMessage, LINK_VERSIONS } from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { type Pulse, startPulse } from '../link/pulse.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { decideMembership, type NodeApproval } from './membership.ts'

export type Hello = Extract<ComputeMessage, { type: 'hello' }>
export type Report = Exclude<ComputeMessage, Hello | { type: 'heartbeat' }>
export type Heartbeat = Extract<ComputeMessage, { type: 'heartbeat' }>

export interface SessionHandler {
  /** The node has presented itself; `approved` says whether it may get work. Called once, before anything else. */
  onHello(channel: OrchestratorChannel, hello: Hello, membership: 'APPROVED' | 'PENDING'): void
  onHeartbeat(channel: OrchestratorChannel, heartbeat: Heartbeat): void
  /** A report about an execution, from an approved node only. */
  onReport(channel: OrchestratorChannel, report: Report): void
  onEnd(channel: OrchestratorChannel, error: Error | undefined): void
}

export interface SessionPolicy {
  readonly approval: NodeApproval
  readonly joinToken: string
  readonly clock: Clock
  readonly logger: Logger
}

/** The orchestrator's side of one link: handshake, membership, heartbeats. What the messages mean is the handler's business. */
export class NodeSession {
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
      () => channel.close(),
    )
    channel.start({ onMessage: (message) => this.#receive(message), onClose: (error) => this.#end(error) })
  }

  close(): void {
    this.#channel.close()
  }

  #receive(message: ComputeMessage): void {
    this.#pulse.heard()
    if (message.type === 'hello') this.#greet(message)
    else if (message.type === 'heartbeat') this.#beat(message)
    else if (this.#membership === 'APPROVED') this.#handler.onReport(this.#channel, message)
    else
      this.#policy.logger.warn(
        { node: this.#channel.peer, type: message.type },
        'a node that is no member sent a report',
      )
  }

  #beat(message: Heartbeat): void {
    if (this.#membership !== undefined && speaksForItself(message.node?.NodeID, this.#channel.peer)) {
      this.#handler.onHeartbeat(this.#channel, message)
    }
  }

  #greet(hello: Hello): void {
    const { approval, joinToken, logger } = this.#policy
    const version = LINK_VERSIONS.find((known) => hello.versions.includes(known))
    // One hello per link; a second one, a foreign name or an unknown language ends it.
    if (
      this.#membership !== undefined ||
      version === undefined ||
      !speaksForItself(hello.node.NodeID, this.#channel.peer)
    ) {
      logger.warn({ node: this.#channel.peer, versions: hello.versions }, 'a node presented itself wrongly')
      this.#channel.close()
      return
    }
    this.#handshake.cancel()
    const applicant = { sameMachine: this.#channel.sameMachine, joinToken: hello.joinToken }
    const { membership, message } = decideMembership(applicant, approval, joinToken)
    this.#membership = membership
    this.#channel.send({ type: 'welcome', version, membership, message })
    this.#handler.onHello(this.#channel, hello, membership)
  }

  #end(error: Error | undefined): void {
    this.#handshake.cancel()
    this.#pulse.stop()
    if (this.#membership !== undefined) this.#handler.onEnd(this.#channel, error)
  }
}

/** A peer describes itself and nobody else. */
const speaksForItself = (claimed: string | undefined, peer: string): boolean =>
  claimed === undefined || claimed === peer
