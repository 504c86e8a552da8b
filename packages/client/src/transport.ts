import { ApiError, errorFromAnswer, unanswered } from './api-error.ts'
import type { Reader } from './shape.ts'

export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | Blob | string

export interface Call {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly body?: Body
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Speaks HTTP with one server. */
export interface Transport {
  readonly baseUrl: string
  readonly token: string | undefined
  url(path: string, query?: Call['query']): string
  /** A successful answer, body unread. Throws `ApiError` for any other, and the signal's reason when it aborts. */
  send(method: string, path: string, call?: Call): Promise<Response>
  /** The JSON of a successful answer. */
  ask<T>(method: string, path: string, reader: Reader<T>, call?: Call): Promise<T>
}

export interface TransportOptions {
  readonly baseUrl: string
  readonly token?: string | undefined
  readonly fetch?: Fetch | undefined
}

export function createTransport({ baseUrl, token, fetch = globalThis.fetch }: TransportOptions): Transport {
  const base = baseUrl.replace(/\/+$/, '')
  const url: Transport['url'] = (path, query = {}) => {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
    return parameters.size === 0 ? `${base}${path}` : `${base}${path}?${parameters.toString()}`
  }
  const send: Transport['send'] = async (method, path, call = {}) => {
    const response = await attempt(
      () => fetch(url(path, call.query), toRequest(method, call, token)),
      base,
      call.signal,
    )
    if (response.ok) return response
    throw errorFromAnswer(response.status, await attempt(() => response.text(), base, call.signal), base)
  }
  return {
    baseUrl: base,
    token,
    url,
    send,
    async ask(method, path, reader, call = {}) {
      const response = await send(method, path, call)
      const text = await attempt(() => response.text(), base, call.signal)
      return reader(parseAnswer(text, base))
    },
  }
}

function toRequest(method: string, { json, body, headers, signal }: Call, token: string | undefined): RequestInit {
  return {
    method,
    headers: {
      ...headers,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    // A stream can only be sent while the answer is not yet awaited; the standard wants that said.
    ...(body === undefined ? {} : { body, duplex: 'half' }),
    ...(signal === undefined ? {} : { signal }),
  }
}

async function attempt<T>(work: () => Promise<T>, url: string, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw unanswered(error, url)
  }
}

function parseAnswer(text: string, url: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError(200, 'BadAnswer', `the server at ${url} gave an answer that is not JSON`, {
      cause,
      hint: 'Is this the address of a bacalhau node?',
    })
  }
}
