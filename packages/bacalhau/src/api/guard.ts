import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'

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

export interface GuardPolicy {
  /** Digests of the accepted tokens, by `digestToken`. */
  readonly tokens: readonly Uint8Array[]
  /** Host names, besides the loopback ones, under which the machine calls itself. Lower case. */
  readonly hosts: readonly string[]
}

export type Verdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false
      readonly code: 'Unauthorized' | 'Forbidden'
      readonly reason: string
      readonly hint: string
    }

const TOKEN_HINT = 'Call from the machine itself (127.0.0.1), or send `Authorization: Bearer <token>`.'

export const digestToken = (token: string): Uint8Array => createHash('sha256').update(token).digest()

/**
 * May this caller use the API? A bearer of a token may. Without one, only programs on this machine may: the socket is local, no
 * proxy speaks for somebody else, the Host header is no foreign name (DNS rebinding), and no web page of another origin asks.
 */
export function judge(caller: Caller, policy: GuardPolicy): Verdict {
  if (bearsToken(caller.authorization, policy.tokens)) return { allowed: true }
  if (caller.proxied || !isSameMachine(caller)) {
    const reason =
      caller.authorization === undefined ? 'the caller is not on this machine' : 'the token is not valid here'
    return { allowed: false, code: 'Unauthorized', reason, hint: TOKEN_HINT }
  }
  if (!isOwnHost(caller, policy.hosts)) {
    const reason = 'the Host header does not name this machine'
    return {
      allowed: false,
      code: 'Forbidden',
      reason,
      hint: 'Use http://127.0.0.1 or http://localhost as the address.',
    }
  }
  if (isForeignPage(caller)) {
    const reason = 'a web page of another origin may not use this API'
    return {
      allowed: false,
      code: 'Forbidden',
      reason,
      hint: 'Open the page from the node itself, or call without a browser.',
    }
  }
  return { allowed: true }
}

function bearsToken(authorization: string | undefined, tokens: readonly Uint8Array[]): boolean {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) return false
  const digest = digestToken(token)
  // Every token is compared, so that the time tells nothing.
  return tokens.reduce((found, known) => timingSafeEqual(known, digest) || found, false)
}

function isSameMachine({ remoteAddress, localAddress }: Caller): boolean {
  if (remoteAddress === undefined) return false
  return isLoopback(remoteAddress) || remoteAddress === localAddress
}

/** 127.0.0.0/8 and ::1, also when written as an IPv4-mapped IPv6 address. */
export function isLoopback(address: string): boolean {
  const plain = unmapped(address)
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

const unmapped = (address: string) => address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')

function isOwnHost({ host, localAddress }: Caller, hosts: readonly string[]): boolean {
  const name = hostName(host)
  if (name === undefined) return false
  if (name === 'localhost' || name.endsWith('.localhost') || isLoopback(name) || hosts.includes(name)) return true
  return localAddress !== undefined && isIP(name) !== 0 && name === unmapped(localAddress)
}

/** The name in a Host header, without port and brackets, in lower case. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+?)\.?)(?::\d{1,5})?$/i.exec(host ?? '')
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

function isForeignPage({ origin, fetchSite, host }: Caller): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return true
  if (origin === undefined) return false
  const own = host?.toLowerCase()
  return origin.toLowerCase() !== `http://${own}` && origin.toLowerCase() !== `https://${own}`
}
