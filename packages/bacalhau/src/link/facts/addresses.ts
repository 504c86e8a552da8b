import { multiaddr } from '@multiformats/multiaddr'
import { isIP } from 'node:net'
import { isLoopback } from '../../network/addresses.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** What we can dial, and what go-multiaddr 0.12 knows: an address with a part that it does not know costs the whole message. */
const TCP = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+$/
const RELAYED = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+\/p2p\/\w+\/p2p-circuit$/

/** Those of the addresses that a node tells which can be dialled, without the ID of the node at their end. */
export function dialable(told: readonly unknown[], peerId: string): string[] {
  const end = `/p2p/${peerId}`
  const usable = told.slice(0, LIMITS.nodeAddresses).flatMap((address) => {
    if (typeof address !== 'string' || address.length > 256) return []
    const bare = address.endsWith(end) ? address.slice(0, -end.length) : address
    return (TCP.test(bare) || RELAYED.test(bare)) && isWellFormed(bare) ? [bare] : []
  })
  return [...new Set(usable)]
}

function isWellFormed(address: string): boolean {
  try {
    const [host, port] = multiaddr(address).getComponents()
    const isHost = host?.name.startsWith('dns') === true || isIP(host?.value ?? '') !== 0
    return isHost && Number(port?.value) > 0
  } catch {
    return false
  }
}

/** What a node tells of its own addresses: those of loopback only when it has no others, since they mean another machine elsewhere. */
export function toldAddresses(own: readonly string[], peerId: string): string[] {
  const usable = dialable(own, peerId)
  const far = usable.filter((address) => !isLoopback(address))
  return far.length > 0 ? far : usable
}
