import type { LookupAddress } from 'node:dns'
import { type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Outbound } from './outbound.ts'

export interface OpenOptions {
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: OutgoingHttpHeaders
}

export interface Opened {
  readonly response: IncomingMessage
  /** Where the answer came from in the end. */
  readonly url: URL
  readonly redirected: boolean
}

const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308]

/**
 * Asks for `url` and follows its redirects, each checked like the first address. Resolves when the headers are there; the body
 * comes as it is sent, never unpacked. Rejects with `InputFailed` for what will not get better, with the system's error for a
 * connection that failed, and with the signal's reason. Whoever gets the response reads it to its end or destroys it.
 */
export async function open(
  url: URL,
  outbound: Outbound,
  signal: AbortSignal,
  options: OpenOptions = {},
): Promise<Opened> {
  let [at, response] = [url, await ask(url, outbound, signal, options)]
  for (let redirects = 0; REDIRECTS.includes(response.statusCode); redirects += 1) {
    const { location } = response.headers
    if (location === undefined) break
    response.destroy()
    if (redirects === LIMITS.urlRedirects) throw refused(url, `it redirects more than ${LIMITS.urlRedirects} times`)
    at = redirectOf(location, at)
    response = await ask(at, outbound, signal, options)
  }
  return { response, url: at, redirected: at !== url }
}

function redirectOf(location: string, from: URL): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (next === undefined || !isWeb(next)) throw refused(from, 'it redirects to what is no web address')
  if (from.protocol === 'https:' && next.protocol === 'http:') {
    throw refused(from, 'it redirects from https to http, where anybody on the way could change the data')
  }
  return next
}

/** One request, over a connection of its own to an address that was checked a moment ago: the name is not looked up again. */
async function ask(
  url: URL,
  outbound: Outbound,
  signal: AbortSignal,
  { method = 'GET', headers = {} }: OpenOptions,
): Promise<IncomingMessage> {
  signal.throwIfAborted()
  const addresses = await outbound.addressesOf(url.hostname)
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const all = { 'accept-encoding': 'identity', 'user-agent': 'bacalhau', ...headers }
  return new Promise((resolve, reject) => {
    request(url, { method, headers: all, agent: false, signal, lookup: pinned(addresses) })
      .on('response', resolve)
      .on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error))
      .end()
  })
}

/** A lookup that gives addresses that were found before. */
export const pinned =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_name, { all }, done) => {
    const [first] = addresses
    if (all === true) done(null, [...addresses])
    else if (first !== undefined) done(null, first.address, first.family)
  }

export const isWeb = ({ protocol }: URL): boolean => protocol === 'http:' || protocol === 'https:'

/** A URL as an error may show it: what follows the path, and the name of a user, may be secrets. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`.slice(0, 500)

export const refused = (url: URL, why: string): BacalhauError =>
  new BacalhauError('InputFailed', `${shown(url)} cannot be fetched: ${why}`)
