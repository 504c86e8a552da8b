import type { Channel, ChannelHandler } from './channel.ts'

/** Two ends of a channel within one process. Messages are handed over as they are: both sides treat them as read-only. */
export function createLoopback<A, B>(peer: string): [Channel<A, B>, Channel<B, A>] {
  const left = new LoopbackEnd<A, B>(peer)
  const right = new LoopbackEnd<B, A>(peer)
  left.other = right
  right.other = left
  return [left, right]
}

/** Delivers asynchronously, as a network does, so that no sender ever runs inside a receiver. */
class LoopbackEnd<Out, In> implements Channel<Out, In> {
  readonly peer: string
  readonly sameMachine = true
  other: LoopbackEnd<In, Out> | undefined
  #handler: ChannelHandler<In> | undefined
  #inbox: In[] = []
  #ended = false
  #scheduled = false

  constructor(peer: string) {
    this.peer = peer
  }

  start(handler: ChannelHandler<In>): void {
    this.#handler = handler
    this.#schedule()
  }

  send(message: Out): void {
    if (!this.#ended) this.other?.deliver(message)
  }

  close(): void {
    this.other?.end()
    this.end()
  }

  deliver(message: In): void {
    this.#inbox.push(message)
    this.#schedule()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return
    this.#scheduled = true
    queueMicrotask(() => this.#drain())
  }

  #drain(): void {
    this.#scheduled = false
    const messages = this.#inbox
    this.#inbox = []
    for (const message of messages) this.#handler?.onMessage(message)
    if (this.#inbox.length > 0) return this.#schedule()
    if (!this.#ended) return
    const handler = this.#handler
    this.#handler = undefined
    handler?.onClose(undefined)
  }
}
