import { MAX_PREPARING, type OrchestratorMessage, type ReportMessage, type Welcome } from '@bacalhau/models'
import { messageOf } from '../runtime/error.ts'
import type { ComputeOfficeOptions } from './compute-office.ts'
import type { ComputeChannel } from './link-protocol.ts'
import type { LinkSession } from './post-office.ts'
import type { Postbox } from './postbox.ts'
import { outOfTurn, Session } from './session.ts'

/** What the sessions of a compute node share. */
export interface ComputeDesk extends Pick<
  ComputeOfficeOptions,
  'clock' | 'logger' | 'handler' | 'node' | 'joinToken' | 'storeGeneration'
> {
  /** The conversation with an orchestrator, if there is one. */
  find(peer: string): Postbox<ReportMessage> | undefined
  /** The same, begun if need be. */
  open(peer: string): Postbox<ReportMessage>
  leave(session: ComputeSession): void
}

/** One link of this node to an orchestrator. */
export class ComputeSession extends Session<ReportMessage, OrchestratorMessage, ComputeChannel> implements LinkSession {
  readonly ended: Promise<Error | undefined>
  readonly #desk: ComputeDesk
  readonly #resolve: (error: Error | undefined) => void
  #box: Postbox<ReportMessage> | undefined
  #greeted = false
  #member = false
  /** Number of the last parcel that had been posted when the hello was sent. */
  #saidUpTo = 0

  constructor(channel: ComputeChannel, desk: ComputeDesk) {
    super(channel, desk.clock)
    this.#desk = desk
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    this.#resolve = resolve
    this.listen('the orchestrator has fallen silent')
    this.#begin()
  }

  /** The link ends as soon as what was sent has gone. */
  close(): void {
    this.channel.close()
  }

  refresh(): void {
    if (this.#greeted) this.channel.send({ type: 'heartbeat', node: this.#desk.node() })
  }

  prepares(executionId: string, message: string): void {
    if (this.#member) this.channel.send({ type: 'preparing', executionId, message: message.slice(0, MAX_PREPARING) })
  }

  /** Everything that waits has to be in memory, in case that the conversation begins anew. */
  #begin(): void {
    const box = this.#desk.find(this.peer)
    box?.connect(this)
    this.#box = box
    if (box === undefined || box.waiting.every(({ messages }) => messages !== undefined)) return this.#greet()
    box.loaded().then(
      () => this.#greet(),
      (error: unknown) => this.fail(error instanceof Error ? error : new Error(messageOf(error))),
    )
  }

  #greet(): void {
    if (this.isOver) return
    const { handler, joinToken, node, storeGeneration } = this.#desk
    this.#greeted = true
    this.#saidUpTo = this.#box?.seal() ?? 0
    const conversation = this.#box?.claim
    this.channel.send({
      type: 'hello',
      node: node(),
      storeGeneration,
      held: handler.held(this.peer),
      ...(joinToken === undefined ? {} : { joinToken }),
      ...(conversation === undefined ? {} : { conversation }),
    })
  }

  protected receive(message: OrchestratorMessage): void {
    if (message.type === 'heartbeat') return
    if (message.type === 'welcome') return this.#enter(message)
    const box = this.#box
    if (box === undefined || !this.#member) return this.fail(outOfTurn('the orchestrator has not approved this node'))
    if (message.type === 'ack') {
      if (!box.acknowledge(message.seq)) this.fail(outOfTurn('the orchestrator acknowledges what it was not sent'))
      return
    }
    const inOrder = box.receive(message, (order) => this.#desk.handler.onOrder(this.peer, order))
    if (!inOrder) this.fail(outOfTurn('a parcel of the orchestrator is missing'))
  }

  #enter(welcome: Welcome): void {
    if (!this.#greeted) return this.fail(outOfTurn('the orchestrator answers before it was asked'))
    if (welcome.membership !== 'APPROVED') this.#box?.pause()
    else if (!this.#agree(welcome)) return
    this.#desk.handler.onMembership(this.peer, welcome.membership, welcome.message)
  }

  #agree({ conversation, storeGeneration }: Welcome): boolean {
    if (conversation === undefined) {
      this.fail(outOfTurn('the orchestrator names no conversation'))
      return false
    }
    const box = this.#desk.open(this.peer)
    if (box !== this.#box) box.connect(this)
    this.#box = box
    if (conversation.id !== box.conversation) this.#reset(box, conversation.id, storeGeneration)
    else {
      const misfit = box.misfit(conversation.received)
      if (misfit !== undefined) {
        box.distrust()
        this.fail(outOfTurn(`the orchestrator has received ${misfit}`))
        return false
      }
      box.resume(conversation.received)
    }
    this.#member = true
    box.flow()
    // Where nothing else has to be said: the orchestrator has to know that it was heard.
    if (box.claim?.received.seq === 0) this.ack(0)
    return true
  }

  /**
   * The orchestrator goes by what the hello said of the executions here. What it cannot know from that is said again: how
   * executions ended, and all that has been posted since.
   */
  #reset(box: Postbox<ReportMessage>, conversation: string, generation: string): void {
    if (box.generation !== '' && box.generation !== generation)
      this.#desk.logger.warn({ orchestrator: this.peer }, 'the orchestrator has another store than before')
    const again = box.waiting.flatMap(({ seq, messages = [] }) =>
      seq > this.#saidUpTo ? messages : messages.filter(isFinal),
    )
    box.reset(conversation, generation, again)
    box.record()
  }

  protected onEnd(error: Error | undefined): void {
    this.#box?.disconnect(this)
    this.#desk.leave(this)
    this.#resolve(error)
  }
}

const isFinal = ({ type }: ReportMessage): boolean => type === 'completed' || type === 'failed' || type === 'cancelled'
