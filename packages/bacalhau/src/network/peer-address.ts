import { peerIdFromString } from '@libp2p/peer-id'
import { type Component, multiaddr } from '@multiformats/multiaddr'
import { isIP } from 'node:net'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { DEFAULT_PEERS } from './bootstrap.ts'

/** A peer by its ID and where to find it. */
export interface AddressTarget {
  readonly kind: 'address'
  /** What the user wrote, or the first of several addresses of the same peer. */
  readonly text: string
  readonly peerId: string
  /** Multiaddrs, each ending in `/p2p/<peerId>`. */
  readonly addresses: readonly string[]
}

/** A peer by its REST API, which knows its present ID and addresses. */
export interface ApiTarget {
  readonly kind: 'api'
  readonly text: string
  /** `http://host:port`, without a path. */
  readonly url: string
  /** The multiaddr of the machine, for example `/ip4/192.0.2.1`. */
  readonly machine: string
}

export type PeerTarget = AddressTarget | ApiTarget

const HOST = '(?:ip4|ip6|dns|dns4|dns6)'
const PEER = new RegExp(`^(?:${HOST}/tcp|dnsaddr)/p2p(?:/p2p-circuit/p2p)?$`)
const API = new RegExp(`^${HOST}/tcp/https?$`)
const WITHOUT_ID = new RegExp(`^(?:${HOST}/tcp|dnsaddr)$`)

/**
 * The peers that the values of `--peer` ask for, each value being one address or several with commas between them; `none`
 * asks for nobody, no value at all for the default peers. Throws `InvalidMultiaddr`, which quotes the bad one.
 */
export function parsePeers(values: readonly string[] | undefined): PeerTarget[] {
  const texts = (values ?? DEFAULT_PEERS).flatMap((value) => value.split(',')).map((text) => text.trim())
  if (texts.includes('none')) {
    const other = texts.find((text) => text !== 'none')
    if (other !== undefined) throw invalid(other, 'cannot be combined with `none`')
    return []
  }
  return grouped(texts.map(parsePeer))
}

/** Addresses of one peer are tried together, not as peers of their own. */
function grouped(targets: PeerTarget[]): PeerTarget[] {
  const byId = new Map<string, PeerTarget>()
  for (const target of targets) {
    const key = target.kind === 'api' ? target.url : target.peerId
    const known = byId.get(key)
    if (known?.kind === 'address' && target.kind === 'address') {
      byId.set(key, { ...known, addresses: [...new Set([...known.addresses, ...target.addresses])] })
    } else {
      byId.set(key, target)
    }
  }
  return [...byId.values()]
}

/** One peer address. Throws `InvalidMultiaddr`. */
export function parsePeer(text: string): PeerTarget {
  const parts = components(text)
  const shape = parts.map(({ name }) => name).join('/')
  const [host, port] = parts
  if (WITHOUT_ID.test(shape)) {
    throw invalid(
      text,
      'does not say which peer to expect there',
      `Append /p2p/<peer ID>, or ask its API: ${EXAMPLE_API}`,
    )
  }
  if (host === undefined || !(PEER.test(shape) || API.test(shape))) {
    throw invalid(text, 'is not an address of a peer: a TCP address with a peer ID, or an API address, is needed')
  }
  if (isIP(host.value ?? '') === 0 && !HOST_NAME.test(host.value ?? '')) throw invalid(text, 'has no valid host name')
  if (port?.name === 'tcp' && Number(port.value) === 0)
    throw invalid(text, 'has port 0, at which nobody can be reached')
  if (API.test(shape)) {
    const machine = `/${host.name}/${host.value}`
    return { kind: 'api', text, url: apiUrl(parts), machine }
  }
  const ids = parts.filter(({ name }) => name === 'p2p').map(({ value }) => parsePeerId(text, value))
  const peerId = ids.at(-1) ?? ''
  return { kind: 'address', text, peerId, addresses: [multiaddr(text).toString()] }
}

const EXAMPLE_API = '/ip4/192.0.2.1/tcp/1234/http'
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

function components(text: string): Component[] {
  if (text === '') throw invalid(text, 'is empty', 'For a node without peers use --peer none.')
  if (!text.startsWith('/')) throw invalid(text, 'does not begin with "/"', suggestion(text))
  try {
    return multiaddr(text).getComponents()
  } catch (error) {
    throw invalid(text, `cannot be read: ${messageOf(error)}`)
  }
}

/** What someone who wrote a URL or `host:port` probably meant. */
function suggestion(text: string): string | undefined {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url === null || url.hostname === '') return undefined
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  const family = isIP(host)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  return `Did you mean /${family === 0 ? 'dns4' : `ip${family}`}/${host}/tcp/${url.port || 1234}/${scheme}?`
}

function parsePeerId(text: string, id: string | undefined): string {
  try {
    return peerIdFromString(id ?? '').toString()
  } catch {
    throw invalid(text, `has a malformed peer ID, "${short(id ?? '')}"`)
  }
}

function apiUrl(parts: Component[]): string {
  const [host, port, scheme] = parts
  const name = host?.name === 'ip6' ? `[${host.value}]` : host?.value
  return `${scheme?.name}://${name}:${port?.value}`
}

const short = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

function invalid(text: string, problem: string, hint?: string): BacalhauError {
  const options = hint === undefined ? {} : { hint }
  return new BacalhauError('InvalidMultiaddr', `The peer address "${short(text)}" ${problem}.`, options)
}
