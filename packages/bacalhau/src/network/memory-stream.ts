import { abortable } from '../runtime/abort.ts'
import type { ByteStream } from './byte-stream.ts'
import { createInbox, type Inbox } from './inbox.ts'

/** Bytes under way in one direction before the sender has to wait. */
const WINDOW = 256 * 1024

/**
 * Two ByteStreams connected to each other, for simulation and tests: the same rules for pressure, ends and aborts as over
 * libp2p. `first` and `second` are the peer IDs of those who hold the first and the second end.
 */
export function memoryStreamPair(first = 'first', second = 'second'): [ByteStream, ByteStream] {
  const toFirst = createFlow()
  const toSecond = createFlow()
  const abort = (error: Error) => {
    toFirst.abort(error)
    toSecond.abort(error)
  }
  return [end(second, toFirst.inbox, toSecond, abort), end(first, toSecond.inbox, toFirst, abort)]
}

function end(remotePeer: string, inbox: Inbox, outgoing: Flow, abort: (error: Error) => void): ByteStream {
  return {
    remotePeer,
    remoteAddress: `/memory/${remotePeer}`,
    send: (bytes, options) => outgoing.send(bytes, options?.signal),
    async *receive() {
      let atEnd = false
      try {
        for (let chunk = await inbox.next(); chunk !== undefined; chunk = await inbox.next()) yield chunk
        atEnd = true
      } finally {
        if (!atEnd) abort(new Error('the reader left before the end'))
      }
    },
    close: async () => outgoing.close(),
    abort,
  }
}

interface Flow {
  readonly inbox: Inbox
  send(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  close(): void
  abort(error: Error): void
}

function createFlow(): Flow {
  let closed: Error | undefined
  let pressure: PromiseWithResolvers<void> | undefined
  const inbox = createInbox(WINDOW, (full) => {
    if (!full) pressure?.resolve()
    pressure = full ? Promise.withResolvers() : undefined
    pressure?.promise.catch(() => {})
  })
  return {
    inbox,
    async send(bytes, signal) {
      signal?.throwIfAborted()
      if (closed !== undefined) throw closed
      inbox.push(bytes)
      if (pressure !== undefined) await abortable(pressure.promise, signal)
    },
    close() {
      closed ??= new Error('this side of the stream is closed')
      inbox.end()
    },
    abort(error) {
      closed = error
      inbox.end(error)
      pressure?.reject(error)
    },
  }
}
