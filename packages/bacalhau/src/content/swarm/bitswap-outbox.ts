import type { ByteStream } from '../../network/byte-stream.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { encodeVarint } from '../../network/varint.ts'
import { type BitswapMessage, encodeBitswap } from './bitswap-message.ts'

/** Sends messages to one peer, one after the other, on a stream that is opened for the first and closed when it was idle. */
export interface Outbox {
  /** Resolves when the stream accepts more. Rejects when the message could not be sent. */
  send(message: Partial<BitswapMessage>): Promise<void>
  stop(): void
}

/** Long enough for the messages of one fetch to share a stream. */
const IDLE = 5_000
const EMPTY: BitswapMessage = { full: false, wants: [], blocks: [], presences: [] }

export function createOutbox(open: (signal: AbortSignal) => Promise<ByteStream>, clock: Clock): Outbox {
  const stopping = new AbortController()
  let stream: ByteStream | undefined
  let idle: Timer | undefined
  let last: Promise<void> = Promise.resolve()

  async function send(message: Uint8Array): Promise<void> {
    idle?.cancel()
    stopping.signal.throwIfAborted()
    stream ??= await open(stopping.signal)
    try {
      await stream.send(encodeVarint(message.length))
      await stream.send(message)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      stream = undefined
      throw error
    }
    idle = clock.after(IDLE, () => {
      stream?.close().catch(() => {})
      stream = undefined
    })
  }

  return {
    send(message) {
      const bytes = encodeBitswap({ ...EMPTY, ...message })
      const sent = last.then(() => send(bytes))
      last = sent.catch(() => {})
      return sent
    },
    stop() {
      idle?.cancel()
      stopping.abort(new Error('no longer wanted'))
      stream?.abort(new Error('no longer wanted'))
      stream = undefined
    },
  }
}
