import { BacalhauError } from '../runtime/error.ts'

/** Longest encoding of a 64-bit number. */
const MAX_BYTES = 10

/** Unsigned LEB128 (https://github.com/multiformats/unsigned-varint), as protobuf, CIDs, CAR and bitswap use it. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

export interface Varint {
  /** Beyond 2^53 only roughly right, which is enough to refuse it. */
  readonly value: number
  /** Bytes that it took. */
  readonly length: number
}

/** Reads a varint at `offset`; undefined when `bytes` ends within it. Throws `ContentInvalid` when it is too long. */
export function decodeVarint(bytes: Uint8Array, offset = 0): Varint | undefined {
  let value = 0
  let scale = 1
  for (let length = 1; length <= MAX_BYTES; length += 1) {
    const byte = bytes[offset + length - 1]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, length }
    scale *= 0x80
  }
  throw new BacalhauError('ContentInvalid', 'A number in the data has more than 10 bytes.')
}
