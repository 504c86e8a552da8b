import type { NodeInfo, ReportMessage } from '@bacalhau/models'
import { newToken } from '../runtime/ids.ts'
import { type ComputeDesk, ComputeSession } from './compute-session.ts'
import type { ComputeChannel } from './link-protocol.ts'
import { loadPostboxes } from './load-postboxes.ts'
import type { Backlog, ComputeHandler, ComputeOffice, LinkSession, OfficeOptions } from './post-office.ts'
import { Postbox, type PostboxOptions } from './postbox.ts'

export interface ComputeOfficeOptions extends OfficeOptions {
  readonly joinToken?: string
  /** This node's description, taken anew whenever it is sent. */
  readonly node: () => NodeInfo
  readonly handler: ComputeHandler
}

/** Opens the office of a compute node, with the conversations that the store knows. */
export async function createComputeOffice(options: ComputeOfficeOptions): Promise<ComputeOffice> {
  const box: PostboxOptions = { ...options, role: 'c', mark: newToken(options.random).slice(0, 16) }
  return new Office(options, box, await loadPostboxes<ReportMessage>(box))
}

const NO_BACKLOG: Backlog = { messages: 0, bytes: 0 }

class Office implements ComputeOffice {
  readonly #boxOptions: PostboxOptions
  readonly #boxes: Map<string, Postbox<ReportMessage>>
  readonly #desk: ComputeDesk
  readonly #sessions = new Map<string, ComputeSession>()
  #stopped = false

  constructor(options: ComputeOfficeOptions, boxOptions: PostboxOptions, boxes: Map<string, Postbox<ReportMessage>>) {
    this.#boxOptions = boxOptions
    this.#boxes = boxes
    this.#desk = {
      ...options,
      find: (peer) => this.#boxes.get(peer),
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
    return this.#boxes.get(peer)?.backlog ?? NO_BACKLOG
  }

  peers(): string[] {
    return [...this.#boxes.keys()]
  }

  forget(peer: string): void {
    this.#boxes.get(peer)?.forget()
    this.#boxes.delete(peer)
    this.#sessions.get(peer)?.fail(new Error('this orchestrator was removed'))
  }

  refresh(): void {
    for (const session of this.#sessions.values()) session.refresh()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const session of this.#sessions.values()) session.close()
  }

  #open(peer: string): Postbox<ReportMessage> {
    const known = this.#boxes.get(peer)
    if (known !== undefined) return known
    const box = new Postbox<ReportMessage>(peer, this.#boxOptions)
    this.#boxes.set(peer, box)
    return box
  }
}
