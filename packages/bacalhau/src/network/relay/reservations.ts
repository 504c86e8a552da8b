import type { IdentifyResult, Libp2p } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { retryPause } from '../backoff.ts'
import { type Clock, systemClock, type Timer } from '../../runtime/clock.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { type Random, systemRandom } from '../../runtime/random.ts'
import { isRelayed, openConnections } from '../connections.ts'
import {
  decodeCircuit,
  encodeCircuit,
  HOP,
  HOP_TYPE,
  MAX_CIRCUIT_MESSAGE,
  STATUS,
  statusText,
} from './circuit-message.ts'

export interface ReservationOptions {
  /** The relays have changed. */
  readonly onChange: () => void
  readonly clock?: Clock
  readonly random?: Random
}

/** The relays that this node can be reached through at present. */
export interface Reservations extends Stoppable {
  has(relay: string): boolean
  /** Multiaddrs of this node behind its relays, without its own peer ID. */
  addresses(): string[]
  /** Why a relay does not carry us, as it said. */
  refusals(): ReadonlyMap<string, string>
}

interface Seat {
  held: boolean
  failures: number
  refusal: string | undefined
  timer: Timer | undefined
}

/**
 * Keeps a reservation with the relays that this node has connected to of its own accord. One that refuses is asked again,
 * with growing pauses, because a node may be approved a moment after it has connected. A reservation ends with the connection.
 */
export function keepReservations(host: Libp2p, options: ReservationOptions): Reservations {
  const { onChange, clock = systemClock, random = systemRandom } = options
  const seats = new Map<string, Seat>()
  const direct = (peer: string) => openConnections(host, peer).filter((one) => !isRelayed(one))
  const mine = (peer: string, seat: Seat) => seats.get(peer) === seat

  async function reserve(peer: string, seat: Seat): Promise<void> {
    try {
      const expires = await ask(host, peer)
      if (!mine(peer, seat)) return
      const fresh = !seat.held
      Object.assign(seat, { held: true, failures: 0, refusal: undefined })
      // Halfway, so that one attempt may fail.
      const left = Math.max(expires - clock.now(), 60_000)
      seat.timer = clock.after(left / 2, () => void reserve(peer, seat))
      if (fresh) onChange()
    } catch (error) {
      if (!mine(peer, seat)) return
      seat.failures += 1
      seat.refusal = messageOf(error)
      seat.timer = clock.after(retryPause(seat.failures, random), () => void reserve(peer, seat))
      if (seat.held) onChange()
      seat.held = false
    }
  }

  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
    const peer = detail.peerId.toString()
    if (seats.has(peer) || seats.size >= LIMITS.relaysOfNode || !detail.protocols.includes(HOP)) return
    if (isRelayed(detail.connection) || detail.connection.direction === 'inbound') return
    const seat: Seat = { held: false, failures: 0, refusal: undefined, timer: undefined }
    seats.set(peer, seat)
    void reserve(peer, seat)
  }
  const onClose = () => {
    for (const [peer, seat] of seats) {
      if (direct(peer).length > 0) continue
      seat.timer?.cancel()
      seats.delete(peer)
      if (seat.held) onChange()
    }
  }
  host.addEventListener('peer:identify', onIdentify)
  host.addEventListener('connection:close', onClose)
  return {
    has: (relay) => seats.get(relay)?.held === true,
    addresses: () =>
      [...seats].flatMap(([peer, { held }]) => {
        const through = held
          ? direct(peer)[0]
              ?.remoteAddr.toString()
              .replace(/\/p2p\/[^/]+$/, '')
          : undefined
        return through === undefined ? [] : [`${through}/p2p/${peer}/p2p-circuit`]
      }),
    refusals: () =>
      new Map([...seats].flatMap(([peer, { refusal }]) => (refusal === undefined ? [] : [[peer, refusal]]))),
    stop() {
      host.removeEventListener('peer:identify', onIdentify)
      host.removeEventListener('connection:close', onClose)
      for (const { timer } of seats.values()) timer?.cancel()
      seats.clear()
      return Promise.resolve()
    },
  }
}

/** When the reservation that `peer` gave us ends, in milliseconds since the epoch. Throws when it gives none. */
async function ask(host: Libp2p, peer: string): Promise<number> {
  const signal = AbortSignal.timeout(LIMITS.handshake)
  const connection = openConnections(host, peer).find((one) => !isRelayed(one))
  if (connection === undefined) throw new Error('there is no connection to the relay')
  const stream = await connection.newStream(HOP, { signal })
  try {
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    await messages.write(encodeCircuit('hop', { type: HOP_TYPE.reserve }), { signal })
    const { status, expires } = decodeCircuit('hop', (await messages.read({ signal })).subarray())
    await stream.close({ signal })
    if (status !== STATUS.ok) throw new Error(statusText(status))
    return (expires ?? 0) * 1000
  } catch (error) {
    stream.abort(new Error(messageOf(error)))
    throw error
  }
}
