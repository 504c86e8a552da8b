import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/** Parses a JSON body. Throws `BadRequest` for what is no JSON, nests too deep, or holds more values than any honest body. */
export function parseJson(body: Uint8Array): unknown {
  // Before it is parsed: ten megabytes of small objects would hold up everything else for seconds.
  const { depth, values } = measure(body)
  if (depth > LIMITS.jsonDepth) {
    throw new BacalhauError('BadRequest', `the body nests deeper than ${LIMITS.jsonDepth} levels`)
  }
  if (values > LIMITS.jsonValues) {
    throw new BacalhauError('BadRequest', `the body holds more than ${LIMITS.jsonValues} values`)
  }
  const text = decode(body)
  if (text.trim() === '') throw new BacalhauError('BadRequest', 'the body is empty')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BacalhauError('BadRequest', `the body is not valid JSON: ${messageOf(error).slice(0, 200)}`)
  }
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new BacalhauError('BadRequest', 'the body is not valid JSON: it is not UTF-8')
  }
}

/**
 * How deep brackets nest outside of strings, and how many values there are: each but the first has a comma or a bracket before it,
 * and an empty list or object counts twice. Ends where one is above its limit. Looks only at signs, so it never fails.
 */
export function measure(body: Uint8Array): { readonly depth: number; readonly values: number } {
  let level = 0
  let depth = 0
  let values = 1
  for (let index = 0; index < body.length; index++) {
    const byte = body[index]
    if (byte === QUOTE) index = endOfString(body, index + 1)
    else if (byte === COMMA) values += 1
    else if (byte === 0x5b || byte === 0x7b) {
      values += 1
      level += 1
      if (level > depth) depth = level
    } else if (byte === 0x5d || byte === 0x7d) level -= 1
    if (depth > LIMITS.jsonDepth || values > LIMITS.jsonValues) break
  }
  return { depth, values }
}

/** Index of the quote that ends the string whose first byte is at `start`; the end of the body when there is none. */
function endOfString(body: Uint8Array, start: number): number {
  let from = start
  for (;;) {
    const end = body.indexOf(QUOTE, from)
    if (end === -1) return body.length
    let escapes = 0
    while (end - 1 - escapes >= start && body[end - 1 - escapes] === BACKSLASH) escapes += 1
    if (escapes % 2 === 0) return end
    from = end + 1
  }
}

/** Is this the content type of JSON? */
export const isJsonType = (type: string | undefined): boolean =>
  /^application\/(?:json|[\w.-]{1,64}\+json)\s*(?:;|$)/i.test(type ?? '')
