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

interface Circuit {
  readonly from: string
  readonly to: string
  readonly splice: Splice
}

/**
 * Carries connections between peers that are admitted: one that cannot be reached makes a reservation over the connection
 * that it opened, another one asks to be taken there. The two authenticate and encrypt between themselves; the relay sees
 * who talks to whom and how much. Strangers get nothing, and everyone is bounded: reservations, circuits, and the bytes of
 * each circuit (`LIMITS.relay…`). No limit is told to the peers, so that every protocol runs over such a connection.
 */
export async function startRelayServer(host: Libp2p, options: RelayServerOptions): Promise<RelayServer> {
  const { admits, clock = systemClock } = options
  /** When the reservation of each peer ends, in milliseconds since the epoch. */
  const reservations = new Map<string, number>()
  const circuits = new Set<Circuit>()
  let carried = 0

  function reserve(connection: Connection): CircuitMessage {
    const peer = connection.remotePeer.toString()
    if (isRelayed(connection) || !admits(peer)) return answer(STATUS.permissionDenied)
    forget()
    if (!reservations.has(peer) && reservations.size >= LIMITS.relayReservations) {
      return answer(STATUS.reservationRefused)
    }
    const expires = clock.now() + LIMITS.relayReservation
    reservations.set(peer, expires)
    return { ...answer(STATUS.ok), expires: Math.floor(expires / 1000) }
  }

  /** Drops reservations that have ended: by time, or because the peer is gone. */
  function forget(): void {
    for (const [peer, expires] of reservations) {
      if (expires <= clock.now() || openConnections(host, peer).every(isRelayed)) reservations.delete(peer)
    }
  }

  function refusal(from: string, connection: Connection, to: PeerId): number | undefined {
    if (isRelayed(connection) || !admits(from) || !admits(to.toString())) return STATUS.permissionDenied
    forget()
    if (!reservations.has(to.toString())) return STATUS.noReservation
    const ofPeer = [...circuits].filter((circuit) => circuit.from === from).length
    return circuits.size >= LIMITS.relayCircuits || ofPeer >= LIMITS.relayCircuitsOfPeer
      ? STATUS.resourceLimit
      : undefined
  }

  function join(from: string, to: string, near: Stream, far: Stream): void {
    const circuit = { from, to, splice: splice(near, far, LIMITS.relayCircuitBytes) }
    circuits.add(circuit)
    void circuit.splice.ended.then(() => {
      circuits.delete(circuit)
      carried += circuit.splice.bytes()
    })
  }

  async function hop(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(LIMITS.handshake)
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    const say = (message: CircuitMessage) => messages.write(encodeCircuit('hop', message), { signal })
    const from = connection.remotePeer.toString()
    const request = decodeCircuit('hop', (await messages.read({ signal })).subarray())
    if (request.type === HOP_TYPE.reserve) {
      await say(reserve(connection))
      await stream.close({ signal })
      return
    }
    if (request.type !== HOP_TYPE.connect || request.peer === undefined) throw new Error('an unexpected message')
    const refused = refusal(from, connection, request.peer)
    const far = refused === undefined ? await callOut(host, connection.remotePeer, request.peer, signal) : undefined
    if (far === undefined) {
      await say(answer(refused ?? STATUS.connectionFailed))
      await stream.close({ signal })
      return
    }
    await say(answer(STATUS.ok))
    join(from, request.peer.toString(), messages.unwrap(), far)
  }

  await host.handle(
    HOP,
    (stream, connection) => {
      hop(stream, connection).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    },
    { maxInboundStreams: LIMITS.relayCircuitsOfPeer + 8, runOnLimitedConnection: false },
  )
  return {
    load() {
      forget()
      const open = [...circuits].reduce((sum, circuit) => sum + circuit.splice.bytes(), 0)
      return { reservations: reservations.size, circuits: circuits.size, bytes: carried + open }
    },
    async stop() {
      await host.unhandle(HOP)
      for (const circuit of circuits) circuit.splice.abort(new Error('the relay is stopping'))
      await Promise.all([...circuits].map((circuit) => circuit.splice.ended))
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
