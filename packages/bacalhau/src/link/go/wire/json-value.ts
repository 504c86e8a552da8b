import type { ByteStream } from '../../../network/byte-stream.ts'
import { abortable } from '../../../runtime/abort.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'

/**
 * JSON objects as the Go releases write them on a stream: one after the other, with or without white space between them. There
 * is no length and often no end of the stream, so the end of a value is found by counting braces. Bytes of UTF-8 beyond ASCII
 * never look like a brace or a quote, so the cuts between chunks do not matter.
 */
export interface ValueDecoder {
  /** The values that end in `chunk`. Throws `BadRequest` or `PayloadTooLarge` for what is none, or too much. */
  push(chunk: Uint8Array): Generator<unknown, void, undefined>
  /** Has a value begun and not ended? */
  readonly partial: boolean
}

/** Where bytes of values that have begun are counted. `take` throws when there is no room for more. */
export interface Room {
  take(bytes: number): void
  give(bytes: number): void
}

/** Room for `most` bytes in all. */
export function createRoom(most: number): Room {
  let taken = 0
  return {
    take(bytes) {
      if (taken + bytes > most) throw new BacalhauError('TooManyRequests', `more than ${most} bytes are under way`)
      taken += bytes
    },
    give(bytes) {
      taken -= bytes
    },
  }
}

const [QUOTE, BACKSLASH, COMMA, COLON, OBJECT] = [0x22, 0x5c, 0x2c, 0x3a, 0x7b]
const isOpening = (byte: number) => byte === 0x7b || byte === 0x5b
const isClosing = (byte: number) => byte === 0x7d || byte === 0x5d
const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Follows the bytes of a value to its end. */
function createScanner() {
  let [depth, values] = [0, 0]
  let inString = false
  let escaped = false

  function takeInString(byte: number): void {
    if (escaped) escaped = false
    else if (byte === BACKSLASH) escaped = true
    else if (byte === QUOTE) inString = false
  }

  function open(): void {
    depth += 1
    if (depth > LIMITS.jsonDepth) throw new BacalhauError('BadRequest', `nested deeper than ${LIMITS.jsonDepth} levels`)
  }

  function count(): void {
    values += 1
    if (values > LIMITS.jsonValues) throw new BacalhauError('BadRequest', `holds more than ${LIMITS.jsonValues} values`)
  }

  return {
    /** Is there a value that has begun and not ended? */
    get within() {
      return depth > 0
    },
    /** Takes the next byte of a value. Was it the last one? */
    take(byte: number): boolean {
      if (inString) takeInString(byte)
      else if (byte === QUOTE) inString = true
      else if (byte === COMMA || byte === COLON) count()
      else if (isOpening(byte)) open()
      else if (isClosing(byte)) depth -= 1
      if (depth === 0) values = 0
      return depth === 0
    },
  }
}

/** Decodes values of at most `most` bytes each. */
export function createValueDecoder(most: number = LIMITS.goMessage): ValueDecoder {
  const scanner = createScanner()
  let kept: Buffer = Buffer.alloc(0)
  let bytes = 0

  /** Copied into one place: a peer that sends single bytes must not make each of them cost what a piece of memory does. */
  function keep(part: Uint8Array): void {
    const needed = bytes + part.length
    if (needed > most) throw new BacalhauError('PayloadTooLarge', `a message may have ${most} bytes`)
    if (needed > kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(most, 2 * kept.length)))
      kept.copy(grown, 0, 0, bytes)
      kept = grown
    }
    kept.set(part, bytes)
    bytes = needed
  }

  function finish(): unknown {
    const text = kept.toString('utf8', 0, bytes)
    kept = Buffer.alloc(0)
    bytes = 0
    return parse(text)
  }

  return {
    get partial() {
      return scanner.within
    },
    *push(chunk) {
      let start = 0
      for (let index = 0; index < chunk.length; index++) {
        const byte = chunk[index] ?? 0
        if (!scanner.within) {
          if (isSpace(byte)) continue
          if (byte !== OBJECT) throw new BacalhauError('BadRequest', 'this is no JSON object')
          start = index
        }
        if (!scanner.take(byte)) continue
        keep(chunk.subarray(start, index + 1))
        yield finish()
      }
      if (scanner.within) keep(chunk.subarray(start))
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BacalhauError('BadRequest', `this is no JSON: ${messageOf(error).slice(0, 200)}`)
  }
}

export interface ReadOptions {
  /** Bytes of one value; `LIMITS.goMessage` if not given. */
  readonly most?: number
  /** Until when the next bytes are waited for. */
  readonly signal?: AbortSignal
  readonly room?: Room
}

/**
 * The values of `stream` until the peer ends it. What a value is cut off by is an error, the end of the stream between two
 * values is none. Leaving the loop early leaves the stream as it is.
 */
export async function* readValues(stream: ByteStream, options: ReadOptions = {}): AsyncGenerator<unknown, void> {
  const decoder = createValueDecoder(options.most)
  const incoming = stream.receive()
  let taken = 0
  const give = () => {
    options.room?.give(taken)
    taken = 0
  }
  try {
    for (;;) {
      const { value: chunk, done } = await abortable(incoming.next(), options.signal)
      if (done === true) break
      options.room?.take(chunk.length)
      taken += chunk.length
      for (const value of decoder.push(chunk)) yield value
      if (!decoder.partial) give()
    }
  } finally {
    give()
  }
  if (decoder.partial) throw new BacalhauError('BadRequest', 'the peer closed the stream in the middle of a message')
}

/** The first value of `stream`. Does not wait for the end of the stream, which a Go peer may never send. */
export async function readValue(stream: ByteStream, options: ReadOptions = {}): Promise<unknown> {
  for await (const value of readValues(stream, options)) return value
  throw new BacalhauError('BadRequest', 'the peer closed the stream without a message')
}
