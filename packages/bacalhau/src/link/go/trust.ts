import { isLoopback } from '../../network/addresses.ts'
import type { Speaker } from './wire/rpc.ts'

/**
 * Which nodes of the Go program are trusted. Their protocol believes whatever anyone says, so by default only those on this very
 * machine are; what each of them says is bound to its own peer ID in any case.
 */
export type LegacyPeers = 'none' | 'loopback' | 'all' | readonly string[]

export interface Trust {
  /** Does this node take part with anyone of them? */
  readonly isOn: boolean
  /** May the peer take part as a node of the Go program? */
  admits(speaker: Speaker): boolean
  /** Has the operator allowed it, by name or with all others? */
  isAllowed(peer: string): boolean
}

/** Those that are listed are trusted besides those on this machine. */
export function createTrust(legacyPeers: LegacyPeers): Trust {
  const listed = new Set(typeof legacyPeers === 'string' ? [] : legacyPeers)
  const isAllowed = (peer: string) => legacyPeers === 'all' || listed.has(peer)
  return {
    isOn: legacyPeers !== 'none',
    isAllowed,
    admits: ({ peer, address }) => isAllowed(peer) || (legacyPeers !== 'none' && isHere(address)),
  }
}

/** A relay may run on this machine; whoever comes through it does not. */
const isHere = (address: string): boolean => isLoopback(address) && !address.includes('/p2p-circuit')
