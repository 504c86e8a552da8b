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
  #ended: { readonly error: Error | undefined } | undefined
  #scheduled = false
  /** This side has ended the channel: nothing more is delivered to it. */
  #left = false

  constructor(peer: string) {
    this.peer = peer
  }

  start(handler: ChannelHandler<In>): void {
    this.#handler = handler
    this.#schedule()
  }

  send(message: Out): void {
    if (this.#ended === undefined) this.other?.deliver(message)
  }

  close(): void {
    this.#leave(undefined)
  }

  abort(error: Error): void {
    this.#leave(error)
  }

  deliver(message: In): void {
    if (this.#ended !== undefined) return
    this.#inbox.push(message)
    this.#schedule()
  }

  /** The channel is over; what the other side sent before is still delivered. */
  end(error: Error | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#schedule()
  }

  #leave(error: Error | undefined): void {
    this.#left = true
    this.end(error)
    this.other?.end(error)
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return
    this.#scheduled = true
    queueMicrotask(() => this.#drain(this.#handler))
  }

  #drain(handler: ChannelHandler<In> | undefined): void {
    this.#scheduled = false
    const messages = this.#inbox
    this.#inbox = []
    try {
      for (const message of messages) if (!this.#left) handler?.onMessage(message)
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)))
    }
    if (this.#inbox.length > 0 && !this.#left) return this.#schedule()
    if (this.#ended === undefined) return
    this.#handler = undefined
    handler?.onClose(this.#ended.error)
  }
}
