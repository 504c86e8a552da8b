import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Answer, Fetch } from '@bacalhau/client'

/** To import it would load what its module only names, the WebSocket and with it `fetch`. */
const http = process.getBuiltinModule('node:http')

/**
 * Calls over plain HTTP. The `fetch` of Node takes longer to load than all the rest of a short command, so it is left to what needs
 * it: bodies that are streams, and answers that lead elsewhere. Rejects with the signal's reason when it aborts, as `fetch` does.
 */
export const lightFetch: Fetch = async (url, init) => {
  const { body, signal, method = 'GET' } = init
  if (body !== undefined && body !== null && typeof body !== 'string') return fetch(url, init)
  signal?.throwIfAborted()
  try {
    const message = await exchange(url, method, toHeaders(init), body ?? undefined, signal ?? undefined)
    if (!isRedirect(message)) return toAnswer(message, signal ?? undefined)
    message.destroy()
    return await fetch(url, init)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

const toHeaders = ({ headers = {} }: RequestInit): Record<string, string> =>
  Array.isArray(headers) || Symbol.iterator in headers
    ? Object.fromEntries(headers)
    : (headers as Record<string, string>)

const isRedirect = ({ statusCode = 0, headers }: IncomingMessage) =>
  statusCode >= 300 && statusCode < 400 && statusCode !== 304 && headers.location !== undefined

function exchange(
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Node says nothing of the length of a body that a DELETE has.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const all = { ...headers, ...length }
    const outgoing = http.request(url, { method, headers: all, ...(signal === undefined ? {} : { signal }) }, resolve)
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

function toAnswer(message: IncomingMessage, signal: AbortSignal | undefined): Answer {
  const { statusCode: status = 0 } = message
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: (name) => [message.headers[name.toLowerCase()] ?? []].flat()[0] ?? null },
    get body() {
      return Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>
    },
    async text() {
      const parts: Uint8Array[] = []
      try {
        for await (const part of message) parts.push(part as Uint8Array)
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
      return Buffer.concat(parts).toString()
    },
  }
}
