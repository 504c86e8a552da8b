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
  const { clock, random } = options
  const asked = new Map<string, Asked>()
  const reached = new Set<string>()
  const busy = new Set<string>()

  async function ask(peer: string, state: Asked): Promise<void> {
    const before = state.answer?.reached
    let pause = AGAIN
    try {
      const { status, address } = await request(host, peer, options.candidates())
      if (status === DIAL_STATUS.refused) throw new Error('refused')
      if (asked.get(peer) !== state) return
      state.failures = 0
      const place = address?.toString().replace(/\/p2p\/[^/]+$/, '')
      const first = state.answer === undefined
      state.answer = { reached: status === DIAL_STATUS.ok ? place : undefined }
      if (first || before !== state.answer.reached) options.onChange()
    } catch {
      // Not admitted yet, or busy.
      state.failures += 1
      pause = state.failures > GIVE_UP_AFTER ? AGAIN : retryPause(state.failures, random)
    }
    if (asked.get(peer) === state) state.timer = clock.after(pause, () => void ask(peer, state))
  }

  async function answer(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(LIMITS.handshake)
    const peer = connection.remotePeer.toString()
    const messages = lpStream(stream, { maxDataLength: MAX_AUTONAT_MESSAGE })
    const addresses = decodeDial((await messages.read({ signal })).subarray())
    const reply = (status: number, address?: Multiaddr) =>
      messages.write(encodeResponse({ status, ...(address === undefined ? {} : { address }) }), { signal })
    if (isRelayed(connection) || !options.admits(peer) || busy.has(peer)) await reply(DIAL_STATUS.refused)
    else {
      busy.add(peer)
      const found = await dialBack(options.dial, connection, addresses).finally(() => busy.delete(peer))
      if (found === undefined) reached.delete(peer)
      else reached.add(peer)
      await (found === undefined ? reply(DIAL_STATUS.dialError) : reply(DIAL_STATUS.ok, found))
    }
    await stream.close({ signal })
  }

  const onIdentify = ({ detail: { peerId, connection, protocols } }: CustomEvent<IdentifyResult>) => {
    const peer = peerId.toString()
    if (asked.has(peer) || asked.size >= LIMITS.relaysOfNode || !protocols.includes(AUTONAT)) return
    if (isRelayed(connection) || connection.direction === 'inbound') return
    const state: Asked = { failures: 0, timer: undefined, answer: undefined }
    asked.set(peer, state)
    void ask(peer, state)
  }
  const onGone = ({ detail }: CustomEvent<{ toString(): string }>) => {
    const peer = detail.toString()
    reached.delete(peer)
    const state = asked.get(peer)
    state?.timer?.cancel()
    if (asked.delete(peer) && state?.answer !== undefined) options.onChange()
  }
  host.addEventListener('peer:identify', onIdentify)
  host.addEventListener('peer:disconnect', onGone)
  await host.handle(
    AUTONAT,
    (stream, connection) => {
      answer(stream, connection).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    },
    { maxInboundStreams: 1 },
  )
  const answers = () => [...asked.values()].flatMap(({ answer }) => (answer === undefined ? [] : [answer.reached]))
  return {
    confirmed: () => [...new Set(answers().filter((place) => place !== undefined))],
    verdict() {
      if (answers().some((place) => place !== undefined)) return 'reachable'
      return answers().length > 0 ? 'unreachable' : 'unknown'
    },
    hasReached: (peer) => reached.has(peer),
    async stop() {
      host.removeEventListener('peer:identify', onIdentify)
      host.removeEventListener('peer:disconnect', onGone)
      for (const { timer } of asked.values()) timer?.cancel()
      asked.clear()
      await host.unhandle(AUTONAT)
    },
  }
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
