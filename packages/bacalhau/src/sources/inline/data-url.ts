import { BacalhauError } from '../../runtime/error.ts'

export interface DataUrl {
  /** Media type without parameters, lower case; `text/plain` when the URL names none. */
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Everything up to the comma; the data itself may be long, and is not matched. */
const HEADER = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?$/i
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Decodes a `data:` URL (RFC 2397), base64 or percent-encoded. Throws `ValidationError`. */
export function parseDataUrl(url: string): DataUrl {
  const comma = url.indexOf(',')
  const header = comma === -1 ? null : HEADER.exec(url.slice(0, comma))
  if (header === null) throw invalid('it does not begin with data:[type][;base64],')
  const [, mediaType = 'text/plain', , base64] = header
  const data = url.slice(comma + 1)
  return { mediaType: mediaType.toLowerCase(), bytes: base64 === undefined ? decodePercent(data) : decodeBase64(data) }
}

function decodeBase64(data: string): Uint8Array {
  const text = data.includes('%') ? decodeURIComponentSafely(data) : data
  if (!BASE64.test(text)) throw invalid('its data is not base64')
  return Buffer.from(text, 'base64')
}

function decodePercent(data: string): Uint8Array {
  // Escapes stand for bytes, which need not be UTF-8; everything else stands for itself.
  const parts: Buffer[] = []
  let start = 0
  for (const match of data.matchAll(/(?:%[\da-f]{2})+/gi)) {
    parts.push(Buffer.from(data.slice(start, match.index)), Buffer.from(match[0].replaceAll('%', ''), 'hex'))
    start = match.index + match[0].length
  }
  parts.push(Buffer.from(data.slice(start)))
  return Buffer.concat(parts)
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('its data has broken escapes')
  }
}

function invalid(why: string): BacalhauError {
  return new BacalhauError('ValidationError', `the URL of an inline input is no data URL: ${why}`, {
    hint: 'Write data:;base64,… with the content in base64.',
  })
}
