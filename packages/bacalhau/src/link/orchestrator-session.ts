import type { ComputeMessage, Hello, OrchestratorMessage, OrderMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Journal } from '../store/journal.ts'
import type { OrchestratorChannel } from './link-protocol.ts'
import type { OrchestratorHandler, Verdict } from './post-office.ts'
import type { Postbox } from './postbox.ts'
import { outOfTurn, Session } from './session.ts'

/** What the sessions of an orchestrator share. */
export interface OrchestratorDesk {
  readonly clock: Clock
  readonly logger: Logger
  readonly journal: Pick<Journal, 'after'>
  readonly handler: OrchestratorHandler
  readonly storeGeneration: string
  /** Why a node that presents itself is turned away at once; undefined when it may come in. */
  refusal(session: OrchestratorSession, hello: Hello): string | undefined
  /** The node is in: agrees on the conversation, and tells the role. */
  enter(session: OrchestratorSession, hello: Hello, membership: Verdict): Postbox<OrderMessage>
  /** The session has ended, or never began. */
  leave(session: OrchestratorSession): void
}

/** A node that hears nothing has ended its link by then, also when it is slow. Beats. */
const DEAFNESS = (2 * LIMITS.linkSilence) / LIMITS.linkHeartbeat

/** One link of a node to this orchestrator. */
export class OrchestratorSession extends Session<OrderMessage, ComputeMessage, OrchestratorChannel> {
  readonly #desk: OrchestratorDesk
  readonly #handshake: Timer
  #hello: Hello | undefined
  #box: Postbox<OrderMessage> | undefined
  #membership: Verdict = 'PENDING'
  #warned = false
  /** Our beats since the node was told that it is approved; undefined before that, and once it has answered. */
  #unanswered: number | undefined

  constructor(channel: OrchestratorChannel, desk: OrchestratorDesk) {
    super(channel, desk.clock)
    this.#desk = desk
    this.#handshake = desk.clock.after(LIMITS.handshake, () => channel.close())
    this.listen('the node has fallen silent')
  }

  /** Generation of the node's store. */
  get generation(): string {
    return this.#hello?.storeGeneration ?? ''
  }

  close(): void {
    this.channel.close()
    this.end(undefined)
  }

  /** From now on what the node says is taken, or not; it is told, and sent to, after the present unit. */
  welcome(membership: Verdict, message: string): void {
    this.#membership = membership
    this.#desk.journal.after(() => {
      if (!this.isOver) this.#tell(membership, message)
    })
  }

  #tell(membership: Verdict, message: string): void {
    const { storeGeneration } = this.#desk
    const welcome: OrchestratorMessage = { type: 'welcome', membership, message, storeGeneration }
    const conversation = this.#box?.claim
    if (membership !== 'APPROVED' || conversation === undefined) {
      this.#box?.pause()
      return this.channel.send(welcome)
    }
    this.channel.send({ ...welcome, conversation })
    this.#unanswered = 0
    this.#box?.flow()
  }

  protected override beat(): void {
    super.beat()
    if (this.#unanswered === undefined) return
    this.#unanswered += 1
    if (this.#unanswered > DEAFNESS) this.#answered()
  }

  #answered(): void {
    if (this.#unanswered === undefined) return
    this.#unanswered = undefined
    this.#desk.handler.onAnswered(this.peer)
  }

  protected receive(message: ComputeMessage): void {
    if (message.type === 'hello') return this.#greet(message)
    if (this.#box === undefined) {
      // A beat may come before the hello of a node that has much to look up.
      if (message.type !== 'heartbeat') this.fail(outOfTurn('the node has not presented itself'))
      return
    }
    // Acknowledgements and reports come from a node only after its welcome.
    if (message.type !== 'heartbeat' && this.channel.translated !== true) this.#answered()
    switch (message.type) {
      case 'heartbeat':
        return this.#hear(message)
      case 'ack':
        if (!this.#box.acknowledge(message.seq)) this.fail(outOfTurn('the node acknowledges what it was not sent'))
        return
      case 'parcel':
        return this.#take(this.#box, message)
      case 'preparing':
        if (this.#membership === 'APPROVED')
          this.#desk.handler.onPreparing(this.peer, message.executionId, message.message)
    }
  }

  /** A report of a node that is no member is not acknowledged either: it comes again when the node is approved. */
  #take(box: Postbox<OrderMessage>, parcel: Extract<ComputeMessage, { type: 'parcel' }>): void {
    const { handler, logger } = this.#desk
    if (this.#membership === 'APPROVED') {
      const inOrder = box.receive(parcel, (report) => handler.onReport(this.peer, report))
      if (!inOrder) this.fail(outOfTurn('a parcel of the node is missing'))
    } else if (!this.#warned) {
      this.#warned = true
      logger.warn({ node: this.peer }, 'a node that is no member sent reports')
    }
  }

  #hear({ node }: Extract<ComputeMessage, { type: 'heartbeat' }>): void {
    // A peer describes itself and nobody else.
    if (node === undefined || node.NodeID === this.peer) this.#desk.handler.onInfo(this.peer, node)
  }

  #greet(hello: Hello): void {
    const { handler, logger, storeGeneration } = this.#desk
    if (this.#hello !== undefined || hello.node.NodeID !== this.peer) {
      logger.warn({ node: this.peer, named: hello.node.NodeID }, 'a node presented itself wrongly')
      return this.close()
    }
    this.#handshake.cancel()
    const refusal = this.#desk.refusal(this, hello)
    if (refusal !== undefined) {
      logger.warn({ node: this.peer, reason: refusal }, 'a node was turned away')
      this.channel.send({ type: 'welcome', membership: 'REJECTED', message: refusal, storeGeneration })
      return this.close()
    }
    this.#hello = hello
    const { joinToken, node } = hello
    const { sameMachine } = this.channel
    const { membership, message } = handler.admit({
      peer: this.peer,
      sameMachine,
      node,
      ...(joinToken === undefined ? {} : { joinToken }),
    })
    this.#membership = membership
    const box = this.#desk.enter(this, hello, membership)
    // The role may have turned the node away again.
    if (this.isOver) return
    this.#box = box
    box.connect(this)
    this.welcome(this.#membership, message)
  }

  protected onEnd(error: Error | undefined): void {
    this.#handshake.cancel()
    this.#box?.disconnect(this)
    this.#desk.leave(this)
    if (this.#box !== undefined) this.#desk.handler.onDisconnected(this.peer, error)
  }
}
