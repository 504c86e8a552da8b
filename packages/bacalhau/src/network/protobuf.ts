import { BacalhauError } from '../runtime/error.ts'
import { decodeVarint, encodeVarint } from './varint.ts'

/** One field of a protobuf message: a number, or bytes that share the message's memory. */
export type Field =
  | { readonly number: number; readonly wire: 'varint'; readonly value: number }
  | { readonly number: number; readonly wire: 'bytes'; readonly value: Uint8Array }

/** The fields of a message in their order. Throws `ContentInvalid` for truncated fields and for groups. */
export function* readFields(message: Uint8Array): Generator<Field, void, undefined> {
  let offset = 0
  const varint = () => {
    const read = decodeVarint(message, offset)
    if (read === undefined) throw malformed('a field is cut off')
    offset += read.length
    return read.value
  }
  const skip = (length: number) => {
    if (length > message.length - offset) throw malformed('a field is longer than the message')
    offset += length
    return message.subarray(offset - length, offset)
  }
  while (offset < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, wire: 'varint', value: varint() }
        break
      case 1:
        skip(8)
        break
      case 2:
        yield { number, wire: 'bytes', value: skip(varint()) }
        break
      case 5:
        skip(4)
        break
      default:
        throw malformed(`wire type ${tag % 8} is not used`)
    }
  }
}

export function varintField(number: number, value: number): Uint8Array {
  return Buffer.concat([encodeVarint(number * 8), encodeVarint(value)])
}

export function bytesField(number: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([bytesHeader(number, value.length), value])
}

/** What precedes the `length` bytes of a field. */
export function bytesHeader(number: number, length: number): Uint8Array {
  return Buffer.concat([encodeVarint(number * 8 + 2), encodeVarint(length)])
}

function malformed(why: string): BacalhauError {
  return new BacalhauError('ContentInvalid', `The data is not a protobuf message: ${why}.`)
}
