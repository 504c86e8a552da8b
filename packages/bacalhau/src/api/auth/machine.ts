import { isIP } from 'node:net'
import type { Caller } from './caller.ts'
import { refuse, type Refusal } from './refusal.ts'

export interface MachinePolicy {
  /** Host names, besides the loopback ones, under which the machine calls itself. Lower case. */
  readonly hosts: readonly string[]
  /** Origins whose pages, opened on this machine, count as programs of it. Lower case. */
  readonly origins: readonly string[]
}

/**
 * Is the caller a program on this machine? Undefined if so, else why not: the socket must be local, no proxy may speak for
 * somebody else, the Host header must be no foreign name (DNS rebinding), and no web page of another origin may ask.
 */
export function judgeMachine(caller: Caller, { hosts, origins }: MachinePolicy): Refusal | undefined {
  if (caller.proxied) return refuse('Unauthorized', 'the request came through a proxy, without a credential')
  if (!isSameMachine(caller)) return refuse('Unauthorized', 'the caller is not on this machine')
  if (!isOwnHost(caller, hosts)) {
    const hint = 'Use http://127.0.0.1 or http://localhost as the address.'
    return refuse('Forbidden', 'the Host header does not name this machine', hint)
  }
  if (isForeignPage(caller, origins)) {
    const hint =
      'Open the page from the node itself, call without a browser, or list the origin of the page in API.Cors.Origins.'
    return refuse('Forbidden', 'a web page of another origin may not use this API', hint)
  }
  return undefined
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

/** Does a page ask that neither comes from this node nor from one of `origins`? */
export function isForeignPage({ origin, fetchSite, host }: Caller, origins: readonly string[]): boolean {
  const from = origin?.toLowerCase()
  if (from !== undefined && origins.includes(from)) return false
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return true
  if (from === undefined) return false
  const own = host?.toLowerCase()
  return from !== `http://${own}` && from !== `https://${own}`
}
