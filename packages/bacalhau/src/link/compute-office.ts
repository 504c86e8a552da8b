import type { NodeInfo, ReportMessage } from '@bacalhau/models'
import { type ComputeDesk, ComputeSession } from './compute-session.ts'
import { Conversations } from './conversations.ts'
import type { ComputeChannel } from './link-protocol.ts'
import type { Backlog, ComputeHandler, ComputeOffice, LinkSession, OfficeOptions } from './post-office.ts'
import type { Postbox } from './postbox.ts'

export interface ComputeOfficeOptions extends OfficeOptions {
  readonly joinToken?: string
  /** This node's description, taken anew whenever it is sent. */
  readonly node: () => NodeInfo
  readonly handler: ComputeHandler
}

/** Opens the office of a compute node, with the conversations that the store knows. */
export async function createComputeOffice(options: ComputeOfficeOptions): Promise<ComputeOffice> {
  return new Office(options, await Conversations.load<ReportMessage>('c', options))
}

class Office implements ComputeOffice {
  readonly #conversations: Conversations<ReportMessage>
  readonly #desk: ComputeDesk
  readonly #sessions = new Map<string, ComputeSession>()
  #stopped = false

  constructor(options: ComputeOfficeOptions, conversations: Conversations<ReportMessage>) {
    this.#conversations = conversations
    this.#desk = {
      ...options,
      find: (peer) => conversations.get(peer),
      open: (peer) => this.#open(peer),
      leave: (session) => {
        if (this.#sessions.get(session.peer) === session) this.#sessions.delete(session.peer)
      },
    }
  }

  attach(channel: ComputeChannel): LinkSession {
    this.#sessions.get(channel.peer)?.fail(new Error('there is a newer link to this orchestrator'))
    const session = new ComputeSession(channel, this.#desk)
    this.#sessions.set(channel.peer, session)
    if (this.#stopped) session.close()
    return session
  }

  /** A report to an orchestrator without a conversation waits for one to begin. */
  post(peer: string, message: ReportMessage): void {
    this.#open(peer).post(message)
  }

  backlog(peer: string): Backlog {
    return this.#conversations.backlog(peer)
  }

  peers(): string[] {
    return this.#conversations.peers()
  }

  forget(peer: string): void {
    this.#conversations.forget(peer)
    this.#sessions.get(peer)?.fail(new Error('this orchestrator was removed'))
  }

  refresh(): void {
    for (const session of this.#sessions.values()) session.refresh()
  }

  prepares(peer: string, executionId: string, message: string): void {
    this.#sessions.get(peer)?.prepares(executionId, message)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const session of this.#sessions.values()) session.close()
  }

  #open(peer: string): Postbox<ReportMessage> {
    return this.#conversations.get(peer) ?? this.#conversations.keep(this.#conversations.create(peer))
  }
}
