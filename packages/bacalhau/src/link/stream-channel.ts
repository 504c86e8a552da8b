import type { z } from 'zod'
import type { ByteStream } from '../network/byte-stream.ts'
import { frames } from '../network/frames.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createBatchDecoder, encodeBatch } from './batch-codec.ts'
import type { Channel, ChannelHandler } from './channel.ts'

/** A channel over a stream between two machines. `incoming` is the schema of what the other side may say. */
export function streamChannel<Out, T extends z.ZodType>(stream: ByteStream, incoming: T): Channel<Out, z.output<T>> {
  const framed = frames(stream)
  let outbox: Out[] = []
  /** Bytes handed to the stream that it has not taken yet. */
  let backlog = 0
  let sending: Promise<void> = Promise.resolve()
  let closed = false

  const fail = (error: unknown) => {
    closed = true
    framed.abort(error instanceof Error ? error : new Error(String(error)))
  }

  const flush = () => {
    const batch = outbox
    outbox = []
    for (const frame of batch.length > 0 ? encodeBatch(batch) : []) {
      backlog += frame.length
      sending = sending
        .then(() => framed.send(frame))
        .then(() => {
          backlog -= frame.length
        })
    }
    sending.catch(fail)
    // A peer that does not read must cost itself its link, not us our memory.
    if (backlog > LIMITS.linkBacklog) fail(new BacalhauError('TooManyRequests', 'The peer reads its link too slowly.'))
  }

  return {
    peer: stream.remotePeer,
    sameMachine: isLoopback(stream.remoteAddress),
    start(handler) {
      void receive(framed.receive(), incoming, handler).finally(() => {
        closed = true
      })
    },
    send(message) {
      if (closed) return
      outbox.push(message)
      if (outbox.length === 1) queueMicrotask(flush)
    },
    close() {
      if (closed) return
      // Microtasks run in order, so what was queued before is on its way by then.
      queueMicrotask(() => {
        closed = true
        sending.then(() => framed.close()).catch(fail)
      })
    },
  }
}

async function receive<T extends z.ZodType>(
  incoming: AsyncIterable<Uint8Array>,
  schema: T,
  handler: ChannelHandler<z.output<T>>,
): Promise<void> {
  const decoder = createBatchDecoder(schema)
  let failure: Error | undefined
  try {
    for await (const frame of incoming) for (const message of decoder.push(frame)) handler.onMessage(message)
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
  }
  handler.onClose(failure)
}

/** Is this multiaddr one of the machine itself? */
function isLoopback(multiaddr: string): boolean {
  return /^\/ip4\/127\.|^\/ip6\/::1\/|^\/ip6\/::ffff:127\./.test(multiaddr)
}
