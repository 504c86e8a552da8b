import type { Libp2p } from '@libp2p/interface'
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ByteStream } from '../../network/byte-stream.ts'
import { type FrameStream, frames } from '../../network/frames.ts'
import { handleProtocol, openStream } from '../../network/protocol.ts'
import { withDeadline } from '../../runtime/abort.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'

/**
 * How a compute node finds out whether a stranger in the local network is its orchestrator, before it tells it anything: the
 * orchestrator shows that it knows the join token. One frame with 32 random bytes; the answer is one frame with their HMAC-SHA256
 * under the token, over the IDs of both as well, so that nobody can pass the question on and the answer back.
 */
export const INTRODUCTION_PROTOCOL = '/bacalhau/introduction/1.0.0'

const CHALLENGE = 32
const MAX_FRAME = 64

function proofOf(token: string, challenge: Uint8Array, asking: string, answering: string): Buffer {
  return createHmac('sha256', token)
    .update(`bacalhau-introduction-1:${asking}:${answering}:`)
    .update(challenge)
    .digest()
}

/** Shows to whoever asks, or to whom `only` lets, that this node knows `token`. */
export function serveIntroductions(
  host: Libp2p,
  token: string,
  logger: Logger,
  only: (peerId: string) => boolean = () => true,
): Promise<Stoppable> {
  const self = host.peerId.toString()
  const serve = async (stream: ByteStream) => {
    if (only(stream.remotePeer)) await answer(stream, self, token)
    else stream.abort(new Error('this peer is not told'))
  }
  return handleProtocol(host, INTRODUCTION_PROTOCOL, serve, { logger, maxStreams: 4 })
}

/** The answering side of one stream. */
export async function answer(stream: ByteStream, self: string, token: string): Promise<void> {
  const framed = frames(stream, { maxFrame: MAX_FRAME })
  const challenge = await first(framed)
  if (challenge?.length !== CHALLENGE) return stream.abort(new Error('this is no question'))
  await framed.send(proofOf(token, challenge, stream.remotePeer, self))
}

/** Does `peer` know `token`? Throws when it does not answer. */
export async function knowsToken(
  host: Libp2p,
  peer: string,
  token: string,
  random: Random,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = withDeadline(signal, LIMITS.handshake)
  const stream = await openStream(host, peer, INTRODUCTION_PROTOCOL, { signal: deadline })
  const cut = () => stream.abort(new Error('the peer took too long'))
  deadline.addEventListener('abort', cut, { once: true })
  try {
    return await ask(stream, host.peerId.toString(), token, random)
  } finally {
    deadline.removeEventListener('abort', cut)
    stream.abort(new Error('the question is answered'))
  }
}

/** The asking side of one stream. */
export async function ask(stream: ByteStream, self: string, token: string, random: Random): Promise<boolean> {
  const framed = frames(stream, { maxFrame: MAX_FRAME })
  const challenge = random.bytes(CHALLENGE)
  await framed.send(challenge)
  const given = await first(framed)
  const proof = proofOf(token, challenge, self, stream.remotePeer)
  return given?.length === proof.length && timingSafeEqual(given, proof)
}

async function first(framed: FrameStream): Promise<Uint8Array | undefined> {
  const { value } = await framed.receive().next()
  return value ?? undefined
}
