import { describeProblems, parseRecord } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'

/**
 * Batches of messages in frames. A batch is the UTF-8 text of a JSON array; a frame is one byte, 1 when more frames of the
 * same batch follow and 0 when it is the last, and then a part of that text. So a message may be larger than a frame (a spec
 * with an inline module), while a batch of small ones is a single frame.
 */
const LAST = 0
const MORE = 1

export function encodeBatch(messages: readonly unknown[], maxFrame: number = LIMITS.frame): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(messages))
  const room = maxFrame - 1
  const frames: Uint8Array[] = []
  for (let start = 0; start < text.length; start += room) {
    const part = text.subarray(start, start + room)
    const frame = new Uint8Array(part.length + 1)
    frame[0] = start + room < text.length ? MORE : LAST
    frame.set(part, 1)
    frames.push(frame)
  }
  return frames
}

export interface BatchDecoder<T> {
  /** Takes one frame; returns the messages of a batch that it completed. Throws `BadRequest` or `PayloadTooLarge`. */
  push(frame: Uint8Array): readonly T[]
}

/** Reassembles and checks batches; no batch may be longer than `LIMITS.linkBatch`. */
export function createBatchDecoder<T extends z.ZodType>(schema: T): BatchDecoder<z.output<T>> {
  const batch = schema.array()
  let parts: Uint8Array[] = []
  let size = 0
  return {
    push(frame) {
      const [flag] = frame
      if (flag !== LAST && flag !== MORE)
        throw new BacalhauError('BadRequest', 'A frame of the link has no known beginning.')
      size += frame.length - 1
      if (size > LIMITS.linkBatch) {
        throw new BacalhauError('PayloadTooLarge', `A batch on the link is larger than ${LIMITS.linkBatch} bytes.`)
      }
      parts.push(frame.subarray(1))
      if (flag === MORE) return []
      const text = Buffer.concat(parts).toString('utf8')
      parts = []
      size = 0
      return parseBatch(batch, text)
    },
  }
}

function parseBatch<T>(schema: z.ZodType<T[]>, text: string): readonly T[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new BacalhauError('BadRequest', 'A batch on the link is not valid JSON.', { cause: error })
  }
  const parsed = parseRecord(schema, document)
  if (parsed.ok) return parsed.value
  throw new BacalhauError(
    'BadRequest',
    `A message on the link is not understood: ${describeProblems(parsed.problems, 3)}`,
  )
}
