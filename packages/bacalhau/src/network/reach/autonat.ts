import type { Connection, IdentifyResult, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Random } from '../../runtime/random.ts'
import { retryPause } from '../backoff.ts'
import { isRelayed, openConnections } from '../connections.ts'
import {
  AUTONAT,
  decodeDial,
  decodeResponse,
  DIAL_STATUS,
  encodeDial,
  encodeResponse,
  MAX_AUTONAT_MESSAGE,
} from './autonat-message.ts'
import type { DirectDial } from './punch.ts'

export interface AutonatOptions {
  /** Do we dial back for this peer? */
  readonly admits: (peerId: string) => boolean
  readonly candidates: () => readonly Multiaddr[]
  readonly dial: DirectDial
  /** What is known about our own reachability has changed. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly random: Random
}

export interface Autonat extends Stoppable {
  /** Addresses, without peer ID, at which peers have reached us when asked to. */
  confirmed(): string[]
  /** `unknown` until a peer has tried. */
  verdict(): 'reachable' | 'unreachable' | 'unknown'
  /** Have we reached this peer when it asked us to? */
  hasReached(peerId: string): boolean
}

/** Milliseconds after which a peer is asked again, and for which an answer counts. */
const AGAIN = 10 * 60_000
const GIVE_UP_AFTER = 6

interface Asked {
  failures: number
  timer: Timer | undefined
  answer: { readonly reached: string | undefined } | undefined
}

/**
 * Learns whether others can open connections to this node: the peers that it has connected to are asked to dial back, from a
 * port that no router on the way has seen. It does the same for peers that are admitted, and only to the machine that asks.
 */
export async function startAutonat(host: Libp2p, options: AutonatOptions): Promise<Autonat> {
  const questions = new Questions(host, options)
  const reached = new Set<string>()
  const onGone = ({ detail }: CustomEvent<{ toString(): string }>) => void reached.delete(detail.toString())
  host.addEventListener('peer:disconnect', onGone)
  const isAsking = new Set<string>()
  await host.handle(
    AUTONAT,
    (stream, connection) => {
      const peer = connection.remotePeer.toString()
      const isWelcome = !isRelayed(connection) && options.admits(peer) && !isAsking.has(peer)
      if (isWelcome) isAsking.add(peer)
      answer(stream, connection, isWelcome ? options.dial : undefined)
        .then((found) => {
          if (found) reached.add(peer)
          else if (isWelcome) reached.delete(peer)
        })
        .catch((error: unknown) => stream.abort(new Error(messageOf(error))))
        .finally(() => isWelcome && isAsking.delete(peer))
    },
    { maxInboundStreams: 2 },
  )
  return {
    confirmed: () => questions.confirmed(),
    verdict: () => questions.verdict(),
    hasReached: (peer) => reached.has(peer),
    async stop() {
      host.removeEventListener('peer:disconnect', onGone)
      questions.stop()
      await host.unhandle(AUTONAT)
    },
  }
}

/** What this node asks its peers, and what they have answered. An answer counts for as long as the peer is connected. */
class Questions {
  readonly #host: Libp2p
  readonly #options: AutonatOptions
  readonly #asked = new Map<string, Asked>()

  constructor(host: Libp2p, options: AutonatOptions) {
    this.#host = host
    this.#options = options
    host.addEventListener('peer:identify', this.#onIdentify)
    host.addEventListener('peer:disconnect', this.#onGone)
  }

  confirmed(): string[] {
    return [...new Set(this.#answers().filter((place) => place !== undefined))]
  }

  verdict(): 'reachable' | 'unreachable' | 'unknown' {
    if (this.confirmed().length > 0) return 'reachable'
    return this.#answers().length > 0 ? 'unreachable' : 'unknown'
  }

  stop(): void {
    this.#host.removeEventListener('peer:identify', this.#onIdentify)
    this.#host.removeEventListener('peer:disconnect', this.#onGone)
    for (const { timer } of this.#asked.values()) timer?.cancel()
    this.#asked.clear()
  }

  #answers(): (string | undefined)[] {
    return [...this.#asked.values()].flatMap(({ answer }) => (answer === undefined ? [] : [answer.reached]))
  }

  readonly #onIdentify = ({ detail: { peerId, connection, protocols } }: CustomEvent<IdentifyResult>): void => {
    const peer = peerId.toString()
    if (this.#asked.has(peer) || this.#asked.size >= LIMITS.relaysOfNode || !protocols.includes(AUTONAT)) return
    if (isRelayed(connection) || connection.direction === 'inbound') return
    const state: Asked = { failures: 0, timer: undefined, answer: undefined }
    this.#asked.set(peer, state)
    void this.#ask(peer, state)
  }

  readonly #onGone = ({ detail }: CustomEvent<{ toString(): string }>): void => {
    const peer = detail.toString()
    const state = this.#asked.get(peer)
    state?.timer?.cancel()
    if (this.#asked.delete(peer) && state?.answer !== undefined) this.#options.onChange()
  }

  async #ask(peer: string, state: Asked): Promise<void> {
    const { clock, random, candidates, onChange } = this.#options
    const before = state.answer
    let pause = AGAIN
    try {
      const { status, address } = await request(this.#host, peer, candidates())
      if (status === DIAL_STATUS.refused) throw new Error('refused')
      const place = address?.toString().replace(/\/p2p\/[^/]+$/, '')
      state.failures = 0
      state.answer = { reached: status === DIAL_STATUS.ok ? place : undefined }
    } catch {
      // Not admitted yet, or busy.
      state.failures += 1
      pause = state.failures > GIVE_UP_AFTER ? AGAIN : retryPause(state.failures, random)
    }
    if (this.#asked.get(peer) !== state) return
    state.timer = clock.after(pause, () => void this.#ask(peer, state))
    if (before?.reached !== state.answer?.reached) onChange()
  }
}

/** Dials the peer back and says whether that worked; without `dial` it is refused. */
async function answer(stream: Stream, connection: Connection, dial: DirectDial | undefined): Promise<boolean> {
  const signal = AbortSignal.timeout(LIMITS.handshake)
  const messages = lpStream(stream, { maxDataLength: MAX_AUTONAT_MESSAGE })
  const addresses = decodeDial((await messages.read({ signal })).subarray())
  const address = dial === undefined ? undefined : await dialBack(dial, connection, addresses)
  const failed = dial === undefined ? DIAL_STATUS.refused : DIAL_STATUS.dialError
  const response = address === undefined ? { status: failed } : { status: DIAL_STATUS.ok, address }
  await messages.write(encodeResponse(response), { signal })
  await stream.close({ signal })
  return address !== undefined
}

async function request(host: Libp2p, peer: string, addresses: readonly Multiaddr[]) {
  const signal = AbortSignal.timeout(2 * LIMITS.handshake)
  const connection = openConnections(host, peer).find((one) => !isRelayed(one))
  if (connection === undefined || addresses.length === 0) throw new Error('there is nothing to ask')
  const stream = await connection.newStream(AUTONAT, { signal })
  try {
    const messages = lpStream(stream, { maxDataLength: MAX_AUTONAT_MESSAGE })
    await messages.write(encodeDial(host.peerId.toMultihash().bytes, addresses), { signal })
    const response = decodeResponse((await messages.read({ signal })).subarray())
    await stream.close({ signal })
    return response
  } catch (error) {
    stream.abort(new Error(messageOf(error)))
    throw error
  }
}

/** Only the machine that asks is dialled, so that nobody can make us knock on other doors. */
async function dialBack(dial: DirectDial, connection: Connection, addresses: readonly Multiaddr[]) {
  const ipOf = (address: Multiaddr) => /^\/ip[46]\/([^/]+)\/tcp\/\d+/.exec(address.toString())?.[1]
  const from = ipOf(connection.remoteAddr)
  const targets = addresses.filter((address) => from !== undefined && ipOf(address) === from).slice(0, 2)
  for (const target of targets) {
    const place = target.toString().replace(/\/p2p\/[^/]+$/, '')
    const whole = multiaddr(`${place}/p2p/${connection.remotePeer.toString()}`)
    try {
      const made = await dial(whole, { from: 'fresh', signal: AbortSignal.timeout(DIAL_BACK) })
      await made.close().catch((error: unknown) => made.abort(new Error(messageOf(error))))
      return multiaddr(place)
    } catch {
      // The next one.
    }
  }
  return undefined
}

const DIAL_BACK = 4_000
