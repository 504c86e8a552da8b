import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isRelayed, openConnections } from '../connections.ts'
import {
  type CircuitMessage,
  decodeCircuit,
  encodeCircuit,
  HOP,
  HOP_TYPE,
  MAX_CIRCUIT_MESSAGE,
  STATUS,
  STOP,
  STOP_TYPE,
} from './circuit-message.ts'
import { type Splice, splice } from './splice.ts'

export interface RelayServerOptions {
  /** May this peer be reached through us, and reach others? Asked anew each time. */
  readonly admits: (peerId: string) => boolean
  readonly clock?: Clock
}

/** What a relay carries at present. */
export interface RelayLoad {
  readonly reservations: number
  readonly circuits: number
  /** Bytes since the start, those of open circuits included. */
  readonly bytes: number
}

export interface RelayServer extends Stoppable {
  load(): RelayLoad
}

/**
 * Carries connections between peers that are admitted: one that cannot be reached makes a reservation over the connection
 * that it opened, another one asks to be taken there. The two authenticate and encrypt between themselves; the relay sees
 * who talks to whom and how much. Strangers get nothing, and everyone is bounded: reservations, circuits, and the bytes of
 * each circuit (`LIMITS.relay…`). No limit is told to the peers, so that every protocol runs over such a connection.
 */
export async function startRelayServer(host: Libp2p, options: RelayServerOptions): Promise<RelayServer> {
  const seats = createSeats(host, options)
  const circuits = createCircuits()
  const hop = async (stream: Stream, connection: Connection) => {
    const { say, request, unwrap, signal } = await readRequest(stream)
    const from = connection.remotePeer.toString()
    const to = request.peer
    if (request.type === HOP_TYPE.reserve) {
      await say(seats.reserve(connection))
    } else if (request.type === HOP_TYPE.connect && to !== undefined) {
      const refused = seats.refusal(connection, to) ?? circuits.refusal(from)
      const far = refused === undefined ? await callOut(host, connection.remotePeer, to, signal) : undefined
      await say(answer(far === undefined ? (refused ?? STATUS.connectionFailed) : STATUS.ok))
      if (far !== undefined) return circuits.join(from, unwrap(), far)
    } else {
      await say(answer(STATUS.unexpected))
    }
    await stream.close({ signal })
  }
  await host.handle(
    HOP,
    (stream, connection) => {
      hop(stream, connection).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    },
    { maxInboundStreams: LIMITS.relayCircuitsOfPeer + 8, runOnLimitedConnection: false },
  )
  return {
    load: () => ({ reservations: seats.count(), ...circuits.load() }),
    async stop() {
      await host.unhandle(HOP)
      await circuits.stop()
    },
  }
}

async function readRequest(stream: Stream) {
  const signal = AbortSignal.timeout(LIMITS.handshake)
  const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
  const request = decodeCircuit('hop', (await messages.read({ signal })).subarray())
  const say = (message: CircuitMessage) => messages.write(encodeCircuit('hop', message), { signal })
  return { request, say, unwrap: () => messages.unwrap(), signal }
}

/** Who may be reached through us at present. */
function createSeats(host: Libp2p, { admits, clock = systemClock }: RelayServerOptions) {
  /** When the reservation of each peer ends, in milliseconds since the epoch. */
  const reservations = new Map<string, number>()

  /** Drops reservations that have ended: by time, or because the peer is gone. */
  function forget(): void {
    for (const [peer, expires] of reservations) {
      if (expires <= clock.now() || openConnections(host, peer).every(isRelayed)) reservations.delete(peer)
    }
  }

  return {
    count() {
      forget()
      return reservations.size
    },
    reserve(connection: Connection): CircuitMessage {
      const peer = connection.remotePeer.toString()
      if (isRelayed(connection) || !admits(peer)) return answer(STATUS.permissionDenied)
      forget()
      const isFull = !reservations.has(peer) && reservations.size >= LIMITS.relayReservations
      if (isFull) return answer(STATUS.reservationRefused)
      const expires = clock.now() + LIMITS.relayReservation
      reservations.set(peer, expires)
      return { ...answer(STATUS.ok), expires: Math.floor(expires / 1000) }
    },
    /** Why the peer of this connection is not taken to that one; undefined if it is. */
    refusal(connection: Connection, to: PeerId): number | undefined {
      const isAdmitted = admits(connection.remotePeer.toString()) && admits(to.toString())
      if (isRelayed(connection) || !isAdmitted) return STATUS.permissionDenied
      forget()
      return reservations.has(to.toString()) ? undefined : STATUS.noReservation
    },
  }
}

/** What is carried at present. */
function createCircuits() {
  const open = new Map<Splice, string>()
  let carried = 0
  return {
    refusal(from: string): number | undefined {
      const ofPeer = [...open.values()].filter((peer) => peer === from).length
      const isFull = open.size >= LIMITS.relayCircuits || ofPeer >= LIMITS.relayCircuitsOfPeer
      return isFull ? STATUS.resourceLimit : undefined
    },
    join(from: string, near: Stream, far: Stream): void {
      const joined = splice(near, far, LIMITS.relayCircuitBytes)
      open.set(joined, from)
      void joined.ended.then(() => {
        open.delete(joined)
        carried += joined.bytes()
      })
    },
    load: () => ({
      circuits: open.size,
      bytes: [...open.keys()].reduce((sum, one) => sum + one.bytes(), carried),
    }),
    async stop() {
      const ending = [...open.keys()]
      for (const one of ending) one.abort(new Error('the relay is stopping'))
      await Promise.all(ending.map((one) => one.ended))
    },
  }
}

const answer = (status: number): CircuitMessage => ({ type: HOP_TYPE.status, status })

/** Asks `to` whether it takes a connection of `from`. The stream on which it does; undefined if it does not. */
async function callOut(host: Libp2p, from: PeerId, to: PeerId, signal: AbortSignal): Promise<Stream | undefined> {
  const connection = openConnections(host, to.toString()).find((one) => !isRelayed(one))
  if (connection === undefined) return undefined
  let stream: Stream | undefined
  try {
    stream = await connection.newStream(STOP, { signal, maxOutboundStreams: LIMITS.relayCircuits })
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    await messages.write(encodeCircuit('stop', { type: STOP_TYPE.connect, peer: from }), { signal })
    const reply = decodeCircuit('stop', (await messages.read({ signal })).subarray())
    if (reply.status === STATUS.ok) return messages.unwrap()
    await stream.close({ signal })
  } catch (error) {
    stream?.abort(new Error(messageOf(error)))
  }
  return undefined
}
