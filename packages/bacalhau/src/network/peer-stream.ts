import type { AbortOptions, Connection, Stream } from '@libp2p/interface'
import { abortable } from '../runtime/abort.ts'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { ByteStream } from './byte-stream.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { pauseSoon } from './pause.ts'

/** Bytes that wait for a slow reader before the peer is asked to pause. */
const READ_AHEAD = 256 * 1024

/**
 * A libp2p stream as a ByteStream. Three properties of libp2p 3 streams make this more than a cast: reading them by
 * iteration buffers without bound, `onDrain()` waits only the first time, and a connection that goes away looks like a
 * proper end of the stream. Here reading pauses the peer, every send waits, and an end counts only if the peer said it.
 */
export function peerStream(stream: Stream, connection: Connection): ByteStream {
  const inbox = openInbox(stream)
  return {
    remotePeer: connection.remotePeer.toString(),
    remoteAddress: connection.remoteAddr.toString(),
    send: (bytes, options) => send(stream, bytes, options),
    async *receive() {
      let atEnd = false
      try {
        for (let chunk = await inbox.next(); chunk !== undefined; chunk = await inbox.next()) yield chunk
        atEnd = true
      } finally {
        if (!atEnd) stream.abort(new Error('the reader left before the end'))
      }
    },
    close: (options) => stream.close({ signal: options?.signal ?? AbortSignal.timeout(LIMITS.streamStall) }),
    abort: (error) => stream.abort(error),
  }
}

function openInbox(stream: Stream): Inbox {
  // The peer may have ended its side, or the stream may have failed, before this adapter was attached.
  const alive = stream.status === 'open' || stream.status === 'closing'
  let finished = alive && stream.remoteWriteStatus === 'closed'
  let isFull = false
  const inbox = createInbox(READ_AHEAD, (full) => {
    isFull = full
    if (full) pauseSoon(stream, () => isFull)
    else if (stream.readStatus === 'paused') resume(stream)
  })
  // Not the stream's own end event: that also comes while the answer still lies in the buffer of the negotiation, which an
  // answer that is short enough to arrive with it does.
  const endIfEmpty = () => {
    if (finished && stream.readBufferLength === 0) inbox.end()
  }
  stream.addEventListener('message', ({ data }) => {
    inbox.push(data.subarray())
    endIfEmpty()
  })
  stream.addEventListener('remoteCloseWrite', () => {
    finished = true
    // The same frame may carry data, which is handed out next.
    queueMicrotask(endIfEmpty)
  })
  stream.addEventListener('close', ({ error }) => {
    if (error !== undefined) inbox.end(broken(error))
    else if (!finished) inbox.end(broken())
  })
  if (alive) endIfEmpty()
  else inbox.end(broken())
  return inbox
}

function resume(stream: Stream): void {
  try {
    stream.resume()
  } catch {
    // It hands out what it holds, then cannot tell the peer because the connection is gone: the close event reports that.
  }
}

async function send(stream: Stream, bytes: Uint8Array, options: AbortOptions = {}): Promise<void> {
  options.signal?.throwIfAborted()
  if (bytes.length === 0) return
  try {
    stream.send(bytes)
  } catch (error) {
    throw broken(error)
  }
  if (stream.writableNeedsDrain) await abortable(drained(stream), options.signal)
}

/** Settles when the stream accepts more; rejects when it closes first, or the peer takes nothing for too long. */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(stall)
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    // libp2p refills the transport in a microtask after the event, and may then be full again.
    const onDrain = () => queueMicrotask(() => stream.writableNeedsDrain || settle())
    const onClose = ({ error }: { error?: Error }) => settle(broken(error))
    const stall = setTimeout(() => stream.abort(new Error('the peer takes no data')), LIMITS.streamStall).unref()
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
  })
}

/** An error of ours that aborted the stream passes unchanged, so that its reader learns the reason. */
function broken(cause?: unknown): Error {
  if (isBacalhauError(cause)) return cause
  const why = cause instanceof Error ? cause.message : 'the connection was closed'
  return new BacalhauError('PeerUnreachable', `The stream to the peer broke off: ${why}.`, { cause })
}
