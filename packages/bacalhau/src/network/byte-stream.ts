import type { AbortOptions } from '@libp2p/interface'

/**
 * Two independent flows of bytes between us and one authenticated peer. The only view of a stream that the rest of the node
 * has, so that it runs the same over libp2p and in memory.
 */
export interface ByteStream {
  /** Peer ID of the other side, proven by the handshake of the connection. */
  readonly remotePeer: string
  /** Multiaddr that the other side is seen at. */
  readonly remoteAddress: string
  /**
   * Resolves when more may be sent, so that awaiting each call bounds memory. Rejects when the stream has failed. The bytes
   * are not copied: do not change them afterwards.
   */
  send(bytes: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * What arrives, in chunks of any size; ends when the peer has closed its side, and throws when the stream or the
   * connection broke before that. A peer whose program closes the connection in good order ends its streams in good order
   * too: what must be complete has to carry its length or its hash. Reads no further ahead than a bounded buffer. For one reader, once; leaving the loop early
   * aborts the stream.
   */
  receive(): AsyncGenerator<Uint8Array, void, undefined>
  /** Nothing more will be sent. The peer may go on sending. */
  close(options?: AbortOptions): Promise<void>
  /** Ends both flows at once, also for the peer, which sees an error. */
  abort(error: Error): void
}

/** Sends everything that `source` yields, then closes our side. Aborts the stream when `source` fails. */
export async function sendAll(
  stream: ByteStream,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: AbortOptions = {},
): Promise<void> {
  try {
    for await (const chunk of source) await stream.send(chunk, options)
    await stream.close(options)
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}
