import { ModuleError } from './module-error.ts'

/** Reads a WebAssembly binary front to back; every read is checked against the end. Not shared, not rewound. */
export interface Reader {
  /** Offset of the next byte, from the start of the whole module. */
  position(): number
  done(): boolean
  byte(): number
  /** The byte at an offset that was read before. */
  at(offset: number): number
  /** An unsigned LEB128 number of at most 32 bits; longer or overflowing encodings are refused, as the specification does. */
  u32(): number
  /** Skips a LEB128 number of at most `maxBytes` bytes, whatever its value. */
  skipLeb(maxBytes: number): void
  skip(length: number): void
  bytes(length: number): Uint8Array
  /** A length-prefixed UTF-8 string. */
  name(): string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A reader of `bytes[start, end)`. */
export function createReader(bytes: Uint8Array, start = 0, end = bytes.length): Reader {
  let at = start
  const fail = (what: string): never => {
    throw new ModuleError('malformed', `${what} at byte ${at}`)
  }
  const byte = () => (at < end ? (bytes[at++] ?? 0) : fail('unexpected end'))
  const need = (length: number) => {
    if (length > end - at) fail('unexpected end')
  }
  return {
    position: () => at,
    done: () => at === end,
    byte,
    at: (offset) => bytes[offset] ?? 0,
    u32() {
      let value = 0
      for (let shift = 0; shift < 35; shift += 7) {
        const next = byte()
        if (shift === 28 && next > 0x0f) break
        value += (next & 0x7f) * 2 ** shift
        if (next < 0x80) return value
      }
      return fail('number too large')
    },
    skipLeb(maxBytes) {
      for (let count = 0; count < maxBytes; count++) if (byte() < 0x80) return
      fail('number too large')
    },
    skip(length) {
      need(length)
      at += length
    },
    bytes(length) {
      need(length)
      at += length
      return bytes.subarray(at - length, at)
    },
    name() {
      const raw = this.bytes(this.u32())
      try {
        return utf8.decode(raw)
      } catch {
        return fail('name that is not UTF-8')
      }
    },
  }
}
