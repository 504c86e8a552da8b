import type { Libp2p, Stream } from '@libp2p/interface'
import { withDeadline } from '../runtime/abort.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ByteStream } from './byte-stream.ts'
import { peerStream } from './peer-stream.ts'
import { connectTo } from './reach/reach.ts'

export interface ProtocolOptions {
  readonly logger: Logger
  /** Streams of this protocol that one connection may have open; `LIMITS.streamsPerProtocol` if not given. */
  readonly maxStreams?: number
  /** Also over a relay of another program, whose owner limits bytes and time? For small talk, not for bulk data. */
  readonly overRelay?: boolean
  readonly clock?: Clock
}

/**
 * Serves `protocol`: calls `handler` with each stream that a peer opens. `stream.remotePeer` is authenticated; nothing else
 * about the peer is. When the handler settles the stream is closed, or aborted if the handler threw; its errors go to the log
 * and nowhere else. Stopping aborts the streams that are open, so that no peer takes a half-sent answer for a whole one, and
 * waits for their handlers.
 */
export async function handleProtocol(
  host: Libp2p,
  protocol: string,
  /** `raw` is the same stream as libp2p has it, for those who have to know how it is cut into frames. */
  handler: (stream: ByteStream, raw: Stream) => Promise<void>,
  options: ProtocolOptions,
): Promise<Stoppable> {
  const { logger, maxStreams = LIMITS.streamsPerProtocol, overRelay = false, clock = systemClock } = options
  const open = new Map<Stream, Promise<void>>()

  async function serve(stream: Stream, bytes: ByteStream): Promise<void> {
    try {
      await handler(bytes, stream)
      await bytes.close()
      await lingering(stream, clock)
    } catch (error) {
      logger.debug({ protocol, peer: bytes.remotePeer, error: messageOf(error) }, 'a stream of a peer failed')
      bytes.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      open.delete(stream)
    }
  }

  await host.handle(
    protocol,
    (stream, connection) => {
      open.set(stream, serve(stream, peerStream(stream, connection)))
    },
    { maxInboundStreams: maxStreams, maxOutboundStreams: maxStreams, runOnLimitedConnection: overRelay },
  )
  return {
    async stop() {
      await host.unhandle(protocol)
      const settled = [...open.values()]
      for (const stream of open.keys()) stream.abort(new Error('the node is stopping'))
      await Promise.all(settled)
    },
  }
}

/** Gives the peer a moment to end its side too; a stream that stays half open would count against its limit for ever. */
async function lingering(stream: Stream, clock: Clock): Promise<void> {
  if (stream.status === 'closed' || stream.status === 'aborted' || stream.status === 'reset') return
  const { promise, resolve } = Promise.withResolvers<void>()
  const patience = clock.after(LIMITS.handshake, () => stream.abort(new Error('the peer did not close the stream')))
  stream.addEventListener('close', () => resolve())
  await promise
  patience.cancel()
}

export interface OpenOptions {
  readonly signal?: AbortSignal
  readonly overRelay?: boolean
  /**
   * Only over a connection that is there. For whatever a stranger can bring about: where it says that it listens may be anybody's
   * door, and it could have us knock there by leaving before it is answered.
   */
  readonly present?: boolean
}

/**
 * Opens a stream of `protocol` to `peer`, over the present connection or a new one to the addresses known for it. Throws
 * `PeerUnreachable` when there is no way to the peer or it does not speak the protocol.
 */
export async function openStream(
  host: Libp2p,
  peer: string,
  protocol: string,
  options: OpenOptions = {},
): Promise<ByteStream> {
  const signal = withDeadline(options.signal, LIMITS.handshake)
  try {
    const { overRelay: limited = false, present = false } = options
    const connection = await connectTo(host, peer, { signal, limited, present })
    const stream = await connection.newStream(protocol, {
      signal,
      maxOutboundStreams: LIMITS.streamsPerProtocol,
      runOnLimitedConnection: limited,
    })
    return peerStream(stream, connection)
  } catch (error) {
    options.signal?.throwIfAborted()
    const problem =
      error instanceof Error && error.name === 'UnsupportedProtocolError'
        ? `does not speak ${protocol}`
        : `cannot be reached: ${messageOf(error)}`
    throw new BacalhauError('PeerUnreachable', `The peer ${peer} ${problem}.`, { details: { peer }, cause: error })
  }
}
