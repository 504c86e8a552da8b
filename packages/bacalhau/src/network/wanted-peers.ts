import type { PeerTarget } from './peer-address.ts'
import type { Swarm } from './swarm.ts'

/** Which peers this node was pointed at, and which of them are connected. */
export interface WantedPeers {
  /** `target` is, from now on, the peer `peerId`. */
  set(target: PeerTarget, peerId: string): void
  has(peerId: string): boolean
  /** Nobody is pointed at `target` any more. A connection that stays is no longer one to a wanted peer. */
  drop(target: PeerTarget): void
  stop(): void
}

export interface WantedPeersOptions {
  readonly swarm: Swarm
  readonly onConnected?: (peerId: string) => void
  readonly onDisconnected?: (peerId: string) => void
}

/** Tells of connections to wanted peers, whichever side opened them: each time once, and always in turn. */
export function createWantedPeers({ swarm, onConnected, onDisconnected }: WantedPeersOptions): WantedPeers {
  const ids = new Map<PeerTarget, string>()
  const connected = new Set<string>()
  const has = (peerId: string) => [...ids.values()].includes(peerId)

  function tell(peerId: string, isConnected: boolean): void {
    if (connected.has(peerId) === isConnected) return
    if (isConnected) connected.add(peerId)
    else connected.delete(peerId)
    if (isConnected) onConnected?.(peerId)
    else onDisconnected?.(peerId)
  }

  const stop = swarm.onPeer((peerId, isConnected) => {
    // A peer that is no longer wanted was once told to be connected: its end is told too.
    if (has(peerId) || !isConnected) tell(peerId, isConnected)
  })
  return {
    set(target, peerId) {
      ids.set(target, peerId)
      if (swarm.isConnected(peerId)) tell(peerId, true)
    },
    has,
    drop(target) {
      const peerId = ids.get(target)
      ids.delete(target)
      if (peerId !== undefined && !has(peerId)) tell(peerId, false)
    },
    stop,
  }
}
