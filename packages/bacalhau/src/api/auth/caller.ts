import type { IncomingMessage } from 'node:http'

/** Who calls, as far as the decision needs to know. */
export interface Caller {
  /** Both ends of the socket; IPv4 addresses may be written the IPv6 way. */
  readonly remoteAddress: string | undefined
  readonly localAddress: string | undefined
  /** The headers of these names. */
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
  readonly authorization: string | undefined
  /** Was the request passed on by a proxy, which then is the one at the other end of the socket? */
  readonly proxied: boolean
}

/** Headers by which a proxy says that it speaks for somebody else. */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
]
/** How a browser, which cannot set headers of a WebSocket, presents a token: among the protocols that it offers. */
const BEARER_PROTOCOL = 'bacalhau.bearer.'

export function callerOf({ headers, headersDistinct, socket }: IncomingMessage): Caller {
  return {
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress,
    // Two Host headers are two stories; Node would believe the first.
    host: headersDistinct.host?.length === 1 ? headers.host : undefined,
    origin: headers.origin,
    fetchSite: single(headers['sec-fetch-site']),
    // Of two credentials neither counts.
    authorization: authorizationOf(headersDistinct['authorization'], headers['sec-websocket-protocol']),
    proxied: PROXY_HEADERS.some((name) => headers[name] !== undefined),
  }
}

function authorizationOf(values: readonly string[] | undefined, protocols: string | undefined): string | undefined {
  if (values !== undefined) return values.length === 1 ? values[0] : ''
  const offered = protocols?.split(',').map((protocol) => protocol.trim()) ?? []
  const bearer = offered.find((protocol) => protocol.startsWith(BEARER_PROTOCOL))
  return bearer === undefined ? undefined : `Bearer ${bearer.slice(BEARER_PROTOCOL.length)}`
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value)
