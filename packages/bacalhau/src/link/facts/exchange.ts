import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { ByteStream } from '../../network/byte-stream.ts'
import { frames } from '../../network/frames.ts'
import { handleProtocol, openStream } from '../../network/protocol.ts'
import { retryPause } from '../../network/backoff.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import { messageSchema, type Spread, type SpreadMessage } from './spread.ts'

/**
 * Facts of nodes between neighbours. Of two neighbours the one with the smaller peer ID opens one stream, which stays; either side
 * sends frames with JSON (`messageSchema`) whenever it has something.
 */
export const FACTS_PROTOCOL = '/bacalhau/facts/1.0.0'

/** Milliseconds between two looks for peers that were not met. */
const LOOK = 30_000

export interface ExchangeOptions {
  readonly host: Libp2p
  readonly spread: Spread
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Exchanges facts with every connected peer that speaks the protocol, until it is stopped. */
export async function startExchange(options: ExchangeOptions): Promise<Stoppable> {
  const { host, clock, logger } = options
  const abort = new AbortController()
  const open = new Map<string, Promise<void>>()
  const talks = createTalks(options)
  const self = host.peerId.toString()

  function meet(peerId: string, protocols: readonly string[]): void {
    const speaks = protocols.length === 0 || protocols.includes(FACTS_PROTOCOL)
    if (abort.signal.aborted || self > peerId || open.has(peerId) || !speaks) return
    const done = keepOpen(peerId, options, talks, abort.signal).finally(() => open.delete(peerId))
    open.set(peerId, done)
  }

  host.addEventListener('peer:identify', ({ detail: { peerId, protocols } }) => meet(peerId.toString(), protocols), {
    signal: abort.signal,
  })
  const served = await handleProtocol(host, FACTS_PROTOCOL, (stream) => talks.hold(stream), {
    logger,
    overRelay: true,
    maxStreams: 2,
  })
  /** A busy peer may have failed to say what it speaks, and is asked all the same. */
  async function look(): Promise<void> {
    for (const peerId of host.getPeers()) {
      if (open.has(peerId.toString())) continue
      const known = await host.peerStore.get(peerId).catch(() => undefined)
      meet(peerId.toString(), known?.protocols ?? [])
    }
  }

  async function lookAgain(): Promise<void> {
    while (!abort.signal.aborted) {
      await look()
      await sleep(clock, LOOK, abort.signal).catch(() => undefined)
    }
  }

  const looking = lookAgain()
  return {
    async stop() {
      await talks.end()
      abort.abort(new Error('the node is stopping'))
      await served.stop()
      await Promise.all([looking, ...open.values()])
    },
  }
}

/** One stream after the other for as long as the peer is connected. */
async function keepOpen(peerId: string, options: ExchangeOptions, talks: Talks, signal: AbortSignal): Promise<void> {
  const { host, clock, random, logger } = options
  const isConnected = () => host.getConnections(peerIdFromString(peerId)).length > 0
  for (let failures = 1; !signal.aborted && isConnected(); failures += 1) {
    try {
      const stream = await openStream(host, peerId, FACTS_PROTOCOL, { signal, overRelay: true })
      await talks.hold(stream)
      await stream.close()
    } catch (error) {
      logger.debug({ peerId, error: messageOf(error) }, 'facts are not exchanged with a peer')
    }
    await sleep(clock, retryPause(failures, random), signal).catch(() => undefined)
  }
}

interface Talks {
  /** Both sides of one stream, until the peer ends it. Throws, and aborts it, when the peer sends what it should not. */
  hold(stream: ByteStream): Promise<void>
  /** Ends all in good order, so that what was said last arrives; those that do not end soon are cut off. */
  end(): Promise<void>
}

/** Milliseconds that a peer has to end its side. */
const ENDING = 500

function createTalks({ spread, clock }: Pick<ExchangeOptions, 'spread' | 'clock'>): Talks {
  const talks = new Map<ByteStream, Promise<void>>()
  const ending = new AbortController()

  async function end(stream: ByteStream, over: Promise<void>): Promise<void> {
    const cut = setTimeout(() => stream.abort(new Error('the node is stopping')), ENDING)
    await Promise.allSettled([stream.close(), over])
    clearTimeout(cut)
  }

  return {
    async hold(stream) {
      const talk = converse(stream, spread, clock, ending.signal)
      talks.set(stream, talk)
      await talk.finally(() => talks.delete(stream))
    },
    async end() {
      ending.abort(new Error('the node is stopping'))
      await Promise.all(Array.from(talks, ([stream, over]) => end(stream, over)))
    },
  }
}

/** Milliseconds over which the bytes of a neighbour are counted. */
const WINDOW = 10_000

/** Both sides of one stream, until the peer ends it. Throws, and aborts it, when the peer sends what it should not. */
export async function converse(
  stream: ByteStream,
  spread: Pick<Spread, 'add'>,
  clock: Clock,
  ending: AbortSignal,
): Promise<void> {
  const framed = frames(stream)
  const send = (message: SpreadMessage) => framed.send(Buffer.from(JSON.stringify(message)))
  const neighbour = spread.add(stream.remotePeer, send)
  const rest = createRest(clock, ending)
  try {
    for await (const frame of framed.receive()) {
      neighbour.receive(messageSchema.parse(JSON.parse(Buffer.from(frame).toString('utf8'))))
      await rest(frame.length)
    }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    neighbour.gone()
  }
}

/** Reading takes time, also what leads to nothing: a neighbour that has much to say is not heard for the rest of the window. */
function createRest(clock: Clock, ending: AbortSignal): (bytes: number) => Promise<void> {
  let [begin, heard] = [clock.monotonic(), 0]
  return async (bytes) => {
    heard += bytes
    const left = begin + WINDOW - clock.monotonic()
    if (heard < LIMITS.factsBytes && left > 0) return
    if (left > 0) await sleep(clock, left, ending).catch(() => undefined)
    begin = clock.monotonic()
    heard = 0
  }
}
