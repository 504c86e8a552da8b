import type { Stoppable } from '../runtime/lifecycle.ts'
import { keepPeer, type KeepOptions, type PeerStatus } from './keep-peer.ts'
import type { PeerTarget } from './peer-address.ts'
import { createWantedPeers } from './wanted-peers.ts'

export interface PeerKeeperOptions extends KeepOptions {
  readonly targets: readonly PeerTarget[]
  /** A wanted peer has connected, or was found connected. Called again only after `onDisconnected`. */
  readonly onConnected?: (peerId: string) => void
  readonly onDisconnected?: (peerId: string) => void
}

export interface PeerKeeper extends Stoppable {
  /** One entry for each target, in their order. */
  status(): PeerStatus[]
  /** Is this one of the peers that this node was pointed at? */
  isWanted(peerId: string): boolean
}

/** Keeps connections to the wanted peers (`keep-peer.ts`) until it is stopped. Stopping leaves the connections as they are. */
export function startPeerKeeper(options: PeerKeeperOptions): PeerKeeper {
  const abort = new AbortController()
  const wanted = createWantedPeers(options)
  const keepers = options.targets.map((target) => keepPeer(target, options, wanted, abort.signal))
  return {
    status: () => keepers.map(({ status }) => status()),
    isWanted: (peerId) => wanted.has(peerId),
    async stop() {
      abort.abort(new Error('the node is stopping'))
      wanted.stop()
      await Promise.all(keepers.map(({ done }) => done))
    },
  }
}
