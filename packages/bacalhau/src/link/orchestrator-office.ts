import type { Hello, OrderMessage } from '@bacalhau/models'
import { uuid } from '../runtime/ids.ts'
import { Conversations } from './conversations.ts'
import { shakeHands } from './handshake.ts'
import type { OrchestratorChannel } from './link-protocol.ts'
import { type OrchestratorDesk, OrchestratorSession } from './orchestrator-session.ts'
import type { Backlog, OfficeOptions, OrchestratorHandler, OrchestratorOffice, Verdict } from './post-office.ts'
import type { Postbox } from './postbox.ts'

export interface OrchestratorOfficeOptions extends OfficeOptions {
  readonly handler: OrchestratorHandler
}

/** Opens the office of an orchestrator, with the conversations that the store knows. */
export async function createOrchestratorOffice(options: OrchestratorOfficeOptions): Promise<OrchestratorOffice> {
  return new Office(options, await Conversations.load<OrderMessage>('o', options))
}

class Office implements OrchestratorOffice {
  readonly #options: OrchestratorOfficeOptions
  readonly #conversations: Conversations<OrderMessage>
  readonly #desk: OrchestratorDesk
  /** All links, and of those the ones whose node has presented itself, one a node. */
  readonly #links = new Set<OrchestratorSession>()
  readonly #sessions = new Map<string, OrchestratorSession>()
  /** Conversations of nodes that are no members and were not known before: they are not kept until they are. */
  readonly #strangers = new Map<string, Postbox<OrderMessage>>()
  #stopped = false

  constructor(options: OrchestratorOfficeOptions, conversations: Conversations<OrderMessage>) {
    this.#options = options
    this.#conversations = conversations
    this.#desk = {
      ...options,
      refusal: (session, hello) => this.#refusal(session, hello),
      enter: (session, hello, membership) => this.#enter(session, hello, membership),
      leave: (session) => this.#leave(session),
    }
  }

  attach(channel: OrchestratorChannel): void {
    if (this.#stopped) return channel.close()
    this.#links.add(new OrchestratorSession(channel, this.#desk))
  }

  post(peer: string, message: OrderMessage): void {
    const box = this.#conversations.get(peer)
    // Whatever was posted before the first handshake, that handshake would drop.
    if (box === undefined) this.#options.logger.debug({ peer, type: message.type }, 'no conversation with this node')
    else box.post(message)
  }

  backlog(peer: string): Backlog {
    return this.#conversations.backlog(peer)
  }

  peers(): string[] {
    return this.#conversations.peers()
  }

  forget(peer: string): void {
    this.#conversations.forget(peer)
    this.disconnect(peer, 'the node was removed')
  }

  disconnect(peer: string, reason: string): void {
    this.#sessions.get(peer)?.fail(new Error(reason))
  }

  welcome(peer: string, membership: Verdict, message: string): void {
    if (membership === 'APPROVED') this.#keep(peer)
    this.#sessions.get(peer)?.welcome(membership, message)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const session of this.#links) session.close()
  }

  /** One link a node: a newer one replaces the older, unless the node's store shows that these are two nodes. */
  #refusal(session: OrchestratorSession, hello: Hello): string | undefined {
    const present = this.#sessions.get(session.peer)
    if (present === undefined) return undefined
    if (present.generation !== hello.storeGeneration) return 'another node with the same key is connected'
    present.fail(new Error('the node has opened a newer link'))
    return undefined
  }

  #enter(session: OrchestratorSession, hello: Hello, membership: Verdict): Postbox<OrderMessage> {
    const { peer } = session
    const { handler, logger, random } = this.#options
    const known = this.#conversations.get(peer)
    const box = known ?? this.#conversations.create(peer)
    const wiped = known !== undefined && known.generation !== hello.storeGeneration
    const shaken = shakeHands(known, hello)
    this.#sessions.set(peer, session)
    const resumed = 'resume' in shaken
    if (resumed) box.resume(shaken.resume)
    else {
      logger.info({ node: peer, reason: shaken.reset }, 'a conversation begins')
      box.reset(uuid(random), hello.storeGeneration)
      this.#strangers.set(peer, box)
      if (known !== undefined || membership === 'APPROVED') this.#keep(peer)
    }
    handler.onConnected(peer, { node: hello.node, membership, resumed, held: hello.held, wiped })
    return box
  }

  /** Writes a conversation down that has begun anew. */
  #keep(peer: string): void {
    const box = this.#strangers.get(peer)
    if (box === undefined) return
    this.#strangers.delete(peer)
    this.#conversations.keep(box)
    box.record()
  }

  #leave(session: OrchestratorSession): void {
    this.#links.delete(session)
    if (this.#sessions.get(session.peer) !== session) return
    this.#sessions.delete(session.peer)
    this.#strangers.delete(session.peer)
  }
}
