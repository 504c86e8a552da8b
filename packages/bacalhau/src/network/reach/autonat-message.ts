import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { bytesField, readFields, varintField } from '../protobuf.ts'

/** Messages of AutoNAT, version 1. https://github.com/libp2p/specs/blob/master/autonat/autonat-v1.md */
export const AUTONAT = '/libp2p/autonat/1.0.0'
export const MAX_AUTONAT_MESSAGE = 4_096

export const DIAL_STATUS = { ok: 0, dialError: 100, refused: 101, badRequest: 200 } as const

const TYPE = { dial: 0, response: 1 } as const
const MAX_ADDRESSES = 8

export interface DialResponse {
  readonly status: number
  /** The address at which the peer was reached. */
  readonly address?: Multiaddr
}

/** `peer`: the multihash of the peer ID. */
export function encodeDial(peer: Uint8Array, addresses: readonly Multiaddr[]): Uint8Array {
  const info = [bytesField(1, peer), ...addresses.slice(0, MAX_ADDRESSES).map(({ bytes }) => bytesField(2, bytes))]
  return Buffer.concat([varintField(1, TYPE.dial), bytesField(2, bytesField(1, Buffer.concat(info)))])
}

export function encodeResponse({ status, address }: DialResponse): Uint8Array {
  const response = [varintField(1, status), ...(address === undefined ? [] : [bytesField(3, address.bytes)])]
  return Buffer.concat([varintField(1, TYPE.response), bytesField(3, Buffer.concat(response))])
}

/** The addresses that a peer wants to be dialled at. Throws for what is not such a request. */
export function decodeDial(bytes: Uint8Array): Multiaddr[] {
  const info = inner(inner(bytes, 2), 1)
  const addresses: Multiaddr[] = []
  for (const { number, wire, value } of readFields(info)) {
    if (number !== 2 || wire !== 'bytes' || addresses.length >= MAX_ADDRESSES) continue
    try {
      addresses.push(multiaddr(value))
    } catch {
      // Of a kind that this version does not know.
    }
  }
  return addresses
}

export function decodeResponse(bytes: Uint8Array): DialResponse {
  let response: DialResponse = { status: DIAL_STATUS.ok }
  for (const { number, wire, value } of readFields(inner(bytes, 3))) {
    if (number === 1 && wire === 'varint') response = { ...response, status: value }
    if (number === 3 && wire === 'bytes') response = { ...response, address: multiaddr(value) }
  }
  return response
}

/** The bytes of field `wanted`. */
function inner(bytes: Uint8Array, wanted: number): Uint8Array {
  for (const { number, wire, value } of readFields(bytes)) if (number === wanted && wire === 'bytes') return value
  throw new Error('the message lacks a part')
}
