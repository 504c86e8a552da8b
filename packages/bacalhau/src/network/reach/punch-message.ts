import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { bytesField, readFields, varintField } from '../protobuf.ts'

/** Messages of DCUtR. https://github.com/libp2p/specs/blob/master/relay/DCUtR.md */
export const DCUTR = '/libp2p/dcutr'
export const MAX_PUNCH_MESSAGE = 4_096
export const PUNCH_TYPE = { connect: 100, sync: 300 } as const

/** Addresses of one message that are looked at. */
const MAX_ADDRESSES = 16

export interface PunchMessage {
  readonly type: number | undefined
  readonly addresses: readonly Multiaddr[]
}

export function encodePunch({ type, addresses }: PunchMessage): Uint8Array {
  const parts = addresses.slice(0, MAX_ADDRESSES).map((address) => bytesField(2, address.bytes))
  return Buffer.concat([...(type === undefined ? [] : [varintField(1, type)]), ...parts])
}

/** Throws for what is not protobuf; addresses that cannot be understood are passed over. */
export function decodePunch(bytes: Uint8Array): PunchMessage {
  let type: number | undefined
  const addresses: Multiaddr[] = []
  for (const { number, wire, value } of readFields(bytes)) {
    if (number === 1 && wire === 'varint') type = value
    if (number !== 2 || wire !== 'bytes' || addresses.length >= MAX_ADDRESSES) continue
    try {
      addresses.push(multiaddr(value))
    } catch {
      // Of a kind that this version does not know.
    }
  }
  return { type, addresses }
}
