import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Connection } from './connection.ts'
import type { HostRule } from './domains.ts'
import { HTTP_RESULT, type HttpMethod, type HttpResult, type HttpWish } from './messages.ts'
import { type Headers, headersOf, HttpRefusal, targetOf } from './wish.ts'

/** The module that waits for the end of the exchange: it has the body to send, and the room for the answer. */
export interface Waiting {
  pull(from: number, to: number): Promise<Uint8Array>
  head(status: number, headers: Uint8Array): void
  /** Takes a part of the answer's body; resolves when there is room for the next. */
  chunk(bytes: Uint8Array): Promise<void>
}

export interface ExchangeContext {
  readonly connection: Connection
  readonly isAllowed: HostRule
  /** Counts bytes that go over the net; throws when they are too many. */
  readonly count: (bytes: number) => void
  readonly signal: AbortSignal
}

/** One request, as it is after so many redirects. */
interface Plan {
  readonly method: HttpMethod
  readonly url: URL
  readonly headers: Headers
  readonly length: number
}

const PIECE = 64 * 1024
const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308]
/** Redirects after which the method and the body stay what they are. */
const FAITHFUL: readonly (number | undefined)[] = [307, 308]
/** Headers that are meant for one server, and for no other. */
const SECRETS = ['authorization', 'cookie']

/** Does what a module asks for, and hands it the answer. Throws `HttpRefusal` and the errors of the network. */
export async function exchange(wish: HttpWish, waiting: Waiting, context: ExchangeContext): Promise<HttpResult> {
  const { method, length } = wish
  let plan: Plan = { method, length, url: targetOf(wish.url, context.isAllowed), headers: headersOf(wish) }
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(plan, waiting, context)
    const next = redirected(plan, response, context)
    if (next === undefined) return deliver(response, wish.room, waiting, context)
    response.destroy()
    if (redirects === LIMITS.wasmHttpRedirects) throw new HttpRefusal('networkError', 'too many redirects')
    plan = next
  }
}

/** Sends a request, and once more when the kept connection turns out to be closed and nothing is at stake. */
async function send(plan: Plan, waiting: Waiting, context: ExchangeContext): Promise<IncomingMessage> {
  const risky = plan.method === 'POST' || plan.method === 'PATCH'
  const first = attempt(plan, waiting, context, risky)
  try {
    return await first.response
  } catch (error) {
    if (risky || !first.reused() || context.signal.aborted) throw error
    return attempt(plan, waiting, context, true).response
  }
}

function attempt({ method, url, headers, length }: Plan, waiting: Waiting, context: ExchangeContext, fresh: boolean) {
  const { signal } = context
  const hasBody = length > 0 || ['POST', 'PUT', 'PATCH'].includes(method)
  const all = [
    ...(headers.some(([name]) => name.toLowerCase() === 'user-agent') ? [] : [['User-Agent', 'bacalhau'] as const]),
    ...headers,
    ...(hasBody ? [['Content-Length', String(length)] as const] : []),
    ['Host', url.host] as const,
  ]
  const request = context.connection.request(url, fresh, { method, headers: all.flat(), signal })
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject)
    // An answer that is none, such as another protocol.
    request.on('close', () => reject(new HttpRefusal('networkError', 'no answer')))
  })
  // What goes wrong with the body is told by the request.
  pipeline(Readable.from(pieces(length, waiting, context)), request).catch(() => {})
  return { response, reused: () => request.reusedSocket }
}

async function* pieces(length: number, waiting: Waiting, { count, signal }: ExchangeContext) {
  for (let from = 0; from < length && !signal.aborted; from += PIECE) {
    const to = Math.min(from + PIECE, length)
    count(to - from)
    yield await waiting.pull(from, to)
  }
}

/** Where an answer sends the module to, as browsers and Go understand it; undefined when it is the answer itself. */
function redirected(plan: Plan, response: IncomingMessage, { isAllowed }: ExchangeContext): Plan | undefined {
  const { location } = response.headers
  if (!REDIRECTS.includes(response.statusCode) || location === undefined) return undefined
  const url = targetOf(location, isAllowed, plan.url)
  if (plan.url.protocol === 'https:' && url.protocol === 'http:')
    throw new HttpRefusal('networkError', 'it redirects from https to http')
  const faithful = FAITHFUL.includes(response.statusCode)
  const dropped = (name: string) =>
    (url.origin !== plan.url.origin && SECRETS.includes(name)) || (!faithful && name.startsWith('content-'))
  return {
    url,
    method: faithful || plan.method === 'HEAD' ? plan.method : 'GET',
    length: faithful ? plan.length : 0,
    headers: plan.headers.filter(([name]) => !dropped(name.toLowerCase())),
  }
}

/** Hands an answer over, as much of it as there is room for. */
async function deliver(
  response: IncomingMessage,
  room: number,
  waiting: Waiting,
  { count }: ExchangeContext,
): Promise<HttpResult> {
  const head = headerBytes(response)
  count(head.length)
  waiting.head(response.statusCode ?? 0, head)
  let got = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    count(chunk.length)
    const part = Uint8Array.from(chunk.subarray(0, room - got))
    got += part.length
    if (got > LIMITS.wasmHttpAnswer) return HTTP_RESULT.tooLarge
    if (part.length > 0) await waiting.chunk(part)
    if (got === room) break
  }
  return HTTP_RESULT.ok
}

/** Node gives each byte of a header as one character. */
function headerBytes({ rawHeaders }: IncomingMessage): Uint8Array {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []))
  return Uint8Array.from(Buffer.from(lines.join('\n'), 'latin1'))
}
