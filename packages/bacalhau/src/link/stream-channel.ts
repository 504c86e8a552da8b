import type { z } from 'zod'
import { isLoopback } from '../network/addresses.ts'
import type { ByteStream } from '../network/byte-stream.ts'
import { type FrameStream, frames } from '../network/frames.ts'
import { type Clock, systemClock, type Timer } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Channel, ChannelHandler } from './channel.ts'
import { createMessageDecoder, encodeMessages } from './message-codec.ts'
import { NO_TRAFFIC, type Traffic } from './traffic.ts'

export interface StreamChannelOptions {
  readonly clock?: Clock
  /** Bytes of the largest message that the other side may send. */
  readonly maxMessage?: number
  readonly traffic?: Traffic
  /** Called last of all, after the handler's `onClose`. */
  readonly onEnd?: () => void
}

/** A channel over a stream between two machines. `incoming` is the schema of what the other side may say. */
export function streamChannel<Out, T extends z.ZodType>(
  stream: ByteStream,
  incoming: T,
  options: StreamChannelOptions = {},
): Channel<Out, z.output<T>> {
  return new StreamChannel<Out, T>(stream, incoming, options)
}

class StreamChannel<Out, T extends z.ZodType> implements Channel<Out, z.output<T>> {
  readonly peer: string
  readonly sameMachine: boolean
  readonly #framed: FrameStream
  readonly #schema: T
  readonly #clock: Clock
  readonly #options: StreamChannelOptions
  readonly #traffic: Traffic
  #outbox: Out[] = []
  /** Bytes handed to the stream that it has not taken yet. */
  #backlog = 0
  #sending: Promise<void> = Promise.resolve()
  /** `closing`: we have said that nothing more comes, and wait for the other side to say so. */
  #state: 'open' | 'closing' | 'ended' = 'open'
  #failure: Error | undefined
  #farewell: Timer | undefined

  constructor(stream: ByteStream, incoming: T, options: StreamChannelOptions) {
    this.peer = stream.remotePeer
    // A relay may run on this machine; whoever comes through it does not.
    this.sameMachine = isLoopback(stream.remoteAddress) && !stream.remoteAddress.includes('/p2p-circuit')
    this.#options = options
    this.#traffic = options.traffic ?? NO_TRAFFIC
    this.#schema = incoming
    this.#clock = options.clock ?? systemClock
    this.#framed = frames(stream, { clock: this.#clock })
  }

  start(handler: ChannelHandler<z.output<T>>): void {
    void this.#receive(handler)
  }

  send(message: Out): void {
    if (this.#state !== 'open') return
    this.#outbox.push(message)
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush())
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#flush()
    this.#state = 'closing'
    this.#farewell = this.#clock.after(LIMITS.handshake, () => this.abort(new Error('the peer did not close its side')))
    this.#endSending()
  }

  abort(error: Error): void {
    if (this.#state === 'ended') return
    // After a close of ours, what breaks is of no interest any more.
    if (this.#state === 'open') this.#failure = error
    this.#state = 'ended'
    this.#framed.abort(error)
  }

  #flush(): void {
    const batch = this.#outbox
    this.#outbox = []
    if (this.#state !== 'open' || batch.length === 0) return
    let bytes = 0
    for (const frame of encodeMessages(batch)) {
      bytes += frame.length
      this.#backlog += frame.length
      this.#sending = this.#sending
        .then(() => this.#framed.send(frame))
        .then(() => {
          this.#backlog -= frame.length
        })
    }
    this.#traffic.sent(batch.length, bytes)
    this.#sending.catch((error: unknown) => this.#fail(error))
    // A peer that does not read must cost itself its link, not us our memory.
    if (this.#backlog > LIMITS.linkBacklog)
      this.abort(new BacalhauError('TooManyRequests', 'The peer reads its link too slowly.'))
  }

  async #receive(handler: ChannelHandler<z.output<T>>): Promise<void> {
    const decoder = createMessageDecoder(this.#schema, this.#options.maxMessage)
    try {
      for await (const frame of this.#framed.receive()) {
        if (this.#state !== 'open') continue
        handler.onSign?.()
        let messages = 0
        for (const message of decoder.push(frame)) {
          messages += 1
          if (this.#state === 'open') handler.onMessage(message)
        }
        this.#traffic.received(messages, frame.length)
      }
    } catch (error) {
      this.#fail(error)
    }
    // The other side has closed: so do we, after what is still on its way.
    if (this.#state === 'open') this.#endSending()
    this.#state = 'ended'
    this.#farewell?.cancel()
    handler.onClose(this.#failure)
    this.#options.onEnd?.()
  }

  #endSending(): void {
    this.#sending.then(() => this.#framed.close()).catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
