import { ApiError, errorFromAnswer, unanswered } from './api-error.ts'
import { type Answer, type Platform, platformOf } from './platform.ts'
import { REQUEST_RETRIES, retrying, type RetryPolicy } from './retry.ts'
import type { Reader } from './shape.ts'

export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | Blob | string

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Milliseconds for one try, instead of the client's. */
  readonly timeout?: number
}

export interface Call {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly body?: Body
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for one try; for `send`, until the body begins. Infinity: none. */
  readonly timeout?: number | undefined
  /** Nothing happens twice when it is sent twice. True of GET unless said otherwise. */
  readonly repeatable?: boolean
}

/** Speaks HTTP with one server. All parts of the client are made from one. */
export interface Transport {
  readonly baseUrl: string
  /** What is sent as the header of this name. */
  readonly authorization: string | undefined
  readonly platform: Platform
  url(path: string, query?: Call['query']): string
  /** A successful answer, body unread. Throws `ApiError` for any other, and the signal's reason when it aborts. */
  send(method: string, path: string, call?: Call): Promise<Answer>
  /** The JSON of a successful answer. */
  ask<T>(method: string, path: string, reader: Reader<T>, call?: Call): Promise<T>
}

export interface TransportOptions extends Partial<Platform> {
  /** Where the node serves its API, for example `http://127.0.0.1:1234`. In a page that the node serves: `location.origin`. */
  readonly baseUrl: string
  readonly token?: string | undefined
  /** Instead of a token: a user whom the node's configuration names. */
  readonly basic?: { readonly username: string; readonly password: string } | undefined
  /** Milliseconds for one try of a call. 30 seconds by default; what takes as long as it takes (uploads, waiting) has none. */
  readonly timeout?: number
  readonly retry?: Partial<RetryPolicy>
}

const TIMEOUT = 30_000

export function createTransport({ baseUrl, token, basic, timeout, retry, ...parts }: TransportOptions): Transport {
  const platform = platformOf(parts)
  const base = baseUrl.replace(/\/+$/, '')
  const authorization = token === undefined ? basic && basicCredentials(basic) : `Bearer ${token}`
  const policy = { ...REQUEST_RETRIES, ...retry }
  const url: Transport['url'] = (path, query = {}) => {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
    return parameters.size === 0 ? `${base}${path}` : `${base}${path}?${parameters.toString()}`
  }
  const exchange = <T>(method: string, path: string, call: Call, read: (response: Answer) => Promise<T>) => {
    const once = () =>
      withDeadline(platform, call.timeout ?? timeout ?? TIMEOUT, call.signal, base, async (signal) => {
        const response = await platform.fetch(url(path, call.query), toRequest(method, call, authorization, signal))
        if (response.ok) return read(response)
        throw await failureOf(response, base)
      })
    const repeatable = (call.repeatable ?? method === 'GET') && !isStream(call.body)
    return retrying(once, repeatable, policy, platform, call.signal)
  }
  return {
    baseUrl: base,
    authorization,
    platform,
    url,
    send: (method, path, call = {}) => exchange(method, path, call, async (response) => response),
    ask: (method, path, reader, call = {}) =>
      exchange(method, path, call, async (response) => reader(parseAnswer(await response.text(), base))),
  }
}

/** Node loads its streams when they are first named, which calls without a body can do without. */
const isStream = (body: Body | undefined) => typeof body === 'object' && body instanceof ReadableStream

/** RFC 7617, in UTF-8. */
function basicCredentials({ username, password }: { readonly username: string; readonly password: string }): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

function toRequest(
  method: string,
  { json, body, headers = {} }: Call,
  authorization: string | undefined,
  signal: AbortSignal,
): RequestInit {
  const set = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  return {
    method,
    headers: {
      ...Object.fromEntries(set),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    // A stream can only be sent while the answer is not yet awaited; the standard wants that said.
    ...(body === undefined ? {} : { body, ...(isStream(body) ? { duplex: 'half' } : {}) }),
    // The token is all that says who calls: whatever the browser knows of the user stays out of it.
    credentials: 'omit',
    signal,
  }
}

/**
 * Does `work`, which must end within `milliseconds`. What it leaves behind (the body of an answer) goes on listening to the
 * caller's signal, and no longer to the clock.
 */
async function withDeadline<T>(
  platform: Platform,
  milliseconds: number,
  signal: AbortSignal | undefined,
  url: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const deadline = new AbortController()
  const late = new DOMException('the time is over', 'TimeoutError')
  const cancel = milliseconds === Infinity ? () => {} : platform.after(milliseconds, () => deadline.abort(late))
  try {
    return await work(signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]))
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof ApiError ? error : unanswered(deadline.signal.aborted ? late : error, url)
  } finally {
    cancel()
  }
}

async function failureOf(response: Answer, url: string): Promise<ApiError> {
  const { status, headers } = response
  const body = await response.text()
  return errorFromAnswer(
    { status, body, retryAfter: headers.get('retry-after'), requestId: headers.get('x-request-id') },
    url,
  )
}

function parseAnswer(text: string, url: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError(200, 'BadAnswer', `the server at ${url} gave an answer that is not JSON`, { cause })
  }
}
