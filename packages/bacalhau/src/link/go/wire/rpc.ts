import type { Libp2p, Stream } from '@libp2p/interface'
import type { z } from 'zod'
import type { ByteStream } from '../../../network/byte-stream.ts'
import { handleProtocol, type OpenOptions, openStream } from '../../../network/protocol.ts'
import { withDeadline } from '../../../runtime/abort.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { encodeGo, goObject, goText } from './go-json.ts'
import { createRoom, readValue, type Room } from './json-value.ts'
import type { Routing } from './messages.ts'

/**
 * Calls and callbacks of the Go releases, as streams: one JSON object each way. A caller does not end its side before it has
 * the answer, so the end of the request is the end of its object; the answer has a line feed, and a callee that cannot read the
 * request resets the stream. A callback is one object, then the end; nothing is answered.
 */

/** What a call came to. A callee that refuses says why in words. */
export type GoAnswer<T> = { readonly ok: true; readonly response: T } | { readonly ok: false; readonly error: string }

/**
 * Calls `peer`. Throws `PeerUnreachable` when there is no way to it or it does not answer within `LIMITS.goAnswer`, and
 * `BadRequest` for an answer that is none.
 */
export async function callGo<T extends z.ZodType>(
  host: Libp2p,
  peer: string,
  protocol: string,
  request: object,
  response: T,
  signal?: AbortSignal,
): Promise<GoAnswer<z.output<T>>> {
  const limited = withDeadline(signal, LIMITS.goAnswer)
  const stream = await openStream(host, peer, protocol, { signal: limited, overRelay: true })
  try {
    await stream.send(encodeGo(request), { signal: limited })
    const envelope = readAs(
      goObject({ Error: goText, Response: response }),
      await readValue(stream, { signal: limited }),
    )
    await stream.close({ signal: limited })
    const { Error: error, Response } = envelope as { readonly Error: string; readonly Response: z.output<T> }
    return error === '' ? { ok: true, response: Response } : { ok: false, error }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    if (limited.aborted && signal?.aborted !== true)
      throw new BacalhauError('PeerUnreachable', `the node ${peer} did not answer`, { cause: error })
    throw error
  }
}

/**
 * Tells `peer` something, and waits until it ends its side of the stream, which a Go node does when it has read the message.
 * One that does not within `LIMITS.handshake` has got it all the same. Throws `PeerUnreachable` when there is no way to it, or
 * it threw the message away.
 */
export async function sendCallback(
  host: Libp2p,
  peer: string,
  protocol: string,
  message: object,
  { signal, present = false }: Pick<OpenOptions, 'signal' | 'present'> = {},
): Promise<void> {
  const limited = withDeadline(signal, LIMITS.goAnswer)
  const stream = await openStream(host, peer, protocol, { signal: limited, overRelay: true, present })
  try {
    await stream.send(encodeGo(message), { signal: limited })
    await stream.close({ signal: limited })
    const patience = setTimeout(() => stream.abort(PATIENCE_OVER), LIMITS.handshake).unref()
    try {
      for await (const _ of stream.receive());
    } finally {
      clearTimeout(patience)
    }
  } catch (error) {
    if (error instanceof Error && (error === PATIENCE_OVER || error.cause === PATIENCE_OVER)) return
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}
const PATIENCE_OVER = new Error('the peer did not end its side')

/** Who speaks, as the connection proves it. */
export interface Speaker {
  readonly peer: string
  /** Multiaddr that it is seen at. */
  readonly address: string
}

export interface ServeOptions {
  readonly logger: Logger
  /** May this peer say such things at all? Asked before anything of it is read. */
  readonly admits: (speaker: Speaker) => boolean
  /** Is this peer heard only to be refused? Such peers have little room, all of them together; nobody is if not given. */
  readonly isStranger?: (speaker: Speaker) => boolean
}

/**
 * Answers calls. What `handler` throws as a `BacalhauError` is told to the caller in words, together with `none`, the answer
 * of Go's zero values. A peer that is not admitted, that speaks for another one, or to another one, has its stream reset.
 */
export function serveRpc<T extends z.ZodType<Routing>>(
  host: Libp2p,
  protocol: string,
  schema: T,
  none: object,
  handler: (request: z.output<T>, speaker: Speaker) => Promise<object>,
  options: ServeOptions,
): Promise<Stoppable> {
  return serveGo(host, protocol, options, async (stream, speaker, room) => {
    const most = options.isStranger?.(speaker) === true ? LIMITS.goStranger : LIMITS.goMessage
    const request = bound(host, speaker, await readRequest(stream, schema, room, most))
    const answer = await handler(request, speaker).then(
      (Response) => ({ Response, Error: '' }),
      (error: unknown) => ({ Response: none, Error: messageOf(error) || 'unknown error' }),
    )
    await stream.send(Buffer.concat([encodeGo(answer), Buffer.from('\n')]))
  })
}

/** Takes callbacks. `handler` is called when one has been read; what it throws goes to the log. */
export function serveCallback<T extends z.ZodType<Routing>>(
  host: Libp2p,
  protocol: string,
  schema: T,
  handler: (message: z.output<T>, speaker: Speaker) => void,
  options: ServeOptions,
): Promise<Stoppable> {
  return serveGo(host, protocol, options, async (stream, speaker, room) => {
    handler(bound(host, speaker, await readRequest(stream, schema, room)), speaker)
  })
}

/** Bytes that one peer, or all strangers, may have under way over all streams of one protocol. */
const rooms = () => {
  const byPeer = new Map<string, { readonly room: Room; users: number }>()
  const ofStrangers = createRoom(LIMITS.goStrangers)
  return async (peer: string, isStranger: boolean, use: (room: Room) => Promise<void>): Promise<void> => {
    if (isStranger) return use(ofStrangers)
    const entry = byPeer.get(peer) ?? { room: createRoom(LIMITS.goMessages), users: 0 }
    byPeer.set(peer, entry)
    entry.users += 1
    try {
      await use(entry.room)
    } finally {
      entry.users -= 1
      if (entry.users === 0) byPeer.delete(peer)
    }
  }
}

/** Serves a protocol of Go nodes. A handler that throws has the stream reset. */
export function serveGo(
  host: Libp2p,
  protocol: string,
  { logger, admits, isStranger = () => false }: ServeOptions,
  handler: (stream: ByteStream, speaker: Speaker, room: Room, raw: Stream) => Promise<void>,
): Promise<Stoppable> {
  const withRoom = rooms()
  return handleProtocol(
    host,
    protocol,
    async (stream, raw) => {
      const speaker = { peer: stream.remotePeer, address: stream.remoteAddress }
      if (!admits(speaker)) throw new BacalhauError('Forbidden', 'this peer is not trusted to speak as a node of Go')
      await withRoom(speaker.peer, isStranger(speaker), (room) => handler(stream, speaker, room, raw))
    },
    { logger, maxStreams: LIMITS.streamsPerProtocol, overRelay: true },
  )
}

/** The request on a stream. Throws `BadRequest` when it is none, or is not there within `LIMITS.frameArrival`. */
export async function readRequest<T extends z.ZodType>(
  stream: ByteStream,
  schema: T,
  room: Room,
  most: number = LIMITS.goMessage,
): Promise<z.output<T>> {
  return readAs(schema, await readValue(stream, { signal: AbortSignal.timeout(LIMITS.frameArrival), room, most }))
}

function readAs<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`
  throw new BacalhauError('BadRequest', `the message is not as it should be: ${where.slice(0, 200)}`)
}

/** Go believes whatever a message says of its sender. Here a peer speaks for itself, and to this node. */
export function bound<T extends Routing>(host: Libp2p, { peer }: Speaker, message: T): T {
  const { SourcePeerID, TargetPeerID } = message
  if (SourcePeerID !== peer) throw new BacalhauError('Forbidden', `the peer ${peer} speaks for another one`)
  if (TargetPeerID !== '' && TargetPeerID !== host.peerId.toString())
    throw new BacalhauError('Forbidden', `the peer ${peer} means another node`)
  return message
}
