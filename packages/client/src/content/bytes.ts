/** A number of the format LEB128 (https://github.com/multiformats/unsigned-varint) and what follows it. */
export interface Varint {
  readonly value: number
  /** Where the next byte is. */
  readonly end: number
}

/** Reads a varint at `offset`; undefined when `bytes` ends within it. Throws `RangeError` beyond the safe integers. */
export function readVarint(bytes: Uint8Array, offset: number): Varint | undefined {
  let value = 0
  let scale = 1
  for (let at = offset; ; at++) {
    const byte = bytes[at]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * scale
    if (!Number.isSafeInteger(value)) throw new RangeError('a number is too large')
    if (byte < 0x80) return { value, end: at + 1 }
    scale *= 0x80
  }
}

export function writeVarint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** One field of a protobuf message: a number, or bytes that share the message's memory. */
export interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

/** The fields of a protobuf message in their order. Throws `RangeError` when it is none. */
export function* readFields(message: Uint8Array): Generator<Field> {
  let offset = 0
  const varint = () => {
    const read = readVarint(message, offset)
    if (read === undefined) throw new RangeError('a field is cut off')
    offset = read.end
    return read.value
  }
  const bytes = (length: number) => {
    if (length > message.length - offset) throw new RangeError('a field is longer than the message')
    offset += length
    return message.subarray(offset - length, offset)
  }
  while (offset < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        bytes(8)
        break
      case 2:
        yield { number, value: bytes(varint()) }
        break
      case 5:
        bytes(4)
        break
      default:
        throw new RangeError(`wire type ${tag % 8} is not used`)
    }
  }
}
