import { peerIdFromMultihash } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import * as Digest from 'multiformats/hashes/digest'
import { bytesField, readFields, varintField } from '../protobuf.ts'

/**
 * The messages of circuit relay v2, as far as they are used here: a peer asks a relay to be reachable through it (RESERVE) or
 * to be taken to another one (CONNECT); the relay asks that other one whether it comes (STOP protocol).
 * https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md
 */
export const HOP = '/libp2p/circuit/relay/0.2.0/hop'
export const STOP = '/libp2p/circuit/relay/0.2.0/stop'

/** Bytes of one message. */
export const MAX_CIRCUIT_MESSAGE = 4_096

export const STATUS = {
  ok: 100,
  reservationRefused: 200,
  resourceLimit: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformed: 400,
  unexpected: 401,
} as const

/** What a status says, for logs and errors. */
export function statusText(status: number | undefined): string {
  const known = Object.entries(STATUS).find(([, code]) => code === status)?.[0]
  return known ?? `status ${status ?? 'missing'}`
}

/** Numbers of the types, which differ between the two protocols. */
export const HOP_TYPE = { reserve: 0, connect: 1, status: 2 } as const
export const STOP_TYPE = { connect: 0, status: 1 } as const

/** A limit that a relay sets to a connection. Absent numbers mean that there is none. */
export interface CircuitLimit {
  readonly seconds?: number
  readonly bytes?: number
}

export interface CircuitMessage {
  readonly type: number | undefined
  readonly peer?: PeerId
  /** When a reservation ends, in seconds since the epoch. */
  readonly expires?: number
  readonly limit?: CircuitLimit
  readonly status?: number
}

/** Field numbers of HopMessage and of StopMessage. */
const FIELDS = {
  hop: { peer: 2, reservation: 3, limit: 4, status: 5 },
  stop: { peer: 2, reservation: -1, limit: 3, status: 4 },
} as const

export type CircuitProtocol = keyof typeof FIELDS

export function encodeCircuit(protocol: CircuitProtocol, message: CircuitMessage): Uint8Array {
  const field = FIELDS[protocol]
  const { type, peer, expires, status } = message
  const parts: Uint8Array[] = []
  if (type !== undefined) parts.push(varintField(1, type))
  if (peer !== undefined) parts.push(bytesField(field.peer, bytesField(1, peer.toMultihash().bytes)))
  if (expires !== undefined) parts.push(bytesField(field.reservation, varintField(1, expires)))
  if (status !== undefined) parts.push(varintField(field.status, status))
  return Buffer.concat(parts)
}

/** Throws for anything that is not such a message. Unknown fields (vouchers, addresses) are passed over. */
export function decodeCircuit(protocol: CircuitProtocol, bytes: Uint8Array): CircuitMessage {
  const field = FIELDS[protocol]
  const message: { -readonly [K in keyof CircuitMessage]: CircuitMessage[K] } = { type: undefined }
  for (const { number, wire, value } of readFields(bytes)) {
    if (wire === 'varint' && number === 1) message.type = value
    else if (wire === 'varint' && number === field.status) message.status = value
    else if (wire === 'bytes' && number === field.peer) message.peer = readPeer(value)
    else if (wire === 'bytes' && number === field.reservation) message.expires = firstNumber(value)
    else if (wire === 'bytes' && number === field.limit) message.limit = readLimit(value)
  }
  return message
}

function readPeer(bytes: Uint8Array): PeerId {
  for (const { number, wire, value } of readFields(bytes)) {
    if (number === 1 && wire === 'bytes') return peerIdFromMultihash(Digest.decode(value))
  }
  throw new Error('the message names no peer')
}

function firstNumber(bytes: Uint8Array): number {
  for (const { number, wire, value } of readFields(bytes)) if (number === 1 && wire === 'varint') return value
  return 0
}

function readLimit(bytes: Uint8Array): CircuitLimit {
  let limit: CircuitLimit = {}
  for (const { number, wire, value } of readFields(bytes)) {
    if (wire !== 'varint' || value === 0) continue
    if (number === 1) limit = { ...limit, seconds: value }
    if (number === 2) limit = { ...limit, bytes: value }
  }
  return limit
}
