import { describeProblems, parseRecord } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'

/**
 * Messages as lines of JSON (UTF-8; JSON writes a line break inside of a text as `\n`, so that the byte 10 only ever ends a
 * message). A frame carries any part of that flow: many small messages, or a piece of a large one such as a job with an
 * inline module.
 */
const LINE_END = 10

/** The frames that carry `messages`, each of at most `maxFrame` bytes. */
export function encodeMessages(messages: readonly unknown[], maxFrame: number = LIMITS.frame): Uint8Array[] {
  const bytes = Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
  return Array.from({ length: Math.ceil(bytes.length / maxFrame) }, (_, index) =>
    bytes.subarray(index * maxFrame, (index + 1) * maxFrame),
  )
}

export interface MessageDecoder<T> {
  /** The messages that `frame` completes, one by one. Throws `PayloadTooLarge` or `BadRequest` at the first that is not right. */
  push(frame: Uint8Array): Iterable<T>
}

/** Reassembles and checks messages of at most `maxMessage` bytes. */
export function createMessageDecoder<T extends z.ZodType>(
  schema: T,
  maxMessage: number = LIMITS.linkMessage,
): MessageDecoder<z.output<T>> {
  const unfinished = createGrowing(maxMessage)
  return {
    *push(frame) {
      let start = 0
      for (let end = frame.indexOf(LINE_END); end !== -1; end = frame.indexOf(LINE_END, start)) {
        const text = unfinished.complete(frame.subarray(start, end))
        start = end + 1
        yield parseMessage(schema, text)
      }
      unfinished.add(frame.subarray(start))
    },
  }
}

/** Collects up to `limit` bytes, in memory proportional to what has come, however small the parts. */
function createGrowing(limit: number) {
  let buffer = Buffer.alloc(0)
  let filled = 0
  return {
    add(part: Uint8Array): void {
      const needed = filled + part.length
      if (needed > limit) {
        throw new BacalhauError('PayloadTooLarge', `A message on the link is larger than ${limit} bytes.`)
      }
      if (needed > buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(needed, 2 * filled))
        buffer.copy(grown, 0, 0, filled)
        buffer = grown
      }
      buffer.set(part, filled)
      filled = needed
    },
    /** The whole that `part` completes. One that came in one piece is not copied. */
    complete(part: Uint8Array): string {
      if (filled === 0 && part.length <= limit)
        return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8')
      this.add(part)
      const text = buffer.toString('utf8', 0, filled)
      // A buffer that one large message needed is not kept for the small ones that follow.
      if (buffer.length > LIMITS.frame) buffer = Buffer.alloc(0)
      filled = 0
      return text
    },
  }
}

function parseMessage<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new BacalhauError('BadRequest', 'A message on the link is not valid JSON.', { cause: error })
  }
  const parsed = parseRecord(schema, document)
  if (parsed.ok) return parsed.value
  throw new BacalhauError(
    'BadRequest',
    `A message on the link is not understood: ${describeProblems(parsed.problems, 3)}`,
  )
}
