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
  /** One entry for each target, in their order; later ones last. */
  status(): PeerStatus[]
  /** Is this one of the peers that this node was pointed at? */
  isWanted(peerId: string): boolean
  /** Keeps one more peer from now on. Does nothing for one that is kept already under the same text. */
  add(target: PeerTarget): void
  /** Tries that peer no more. Its connection stays as it is. */
  remove(text: string): Promise<void>
}

interface Kept {
  readonly target: PeerTarget
  readonly abort: AbortController
  readonly keeper: ReturnType<typeof keepPeer>
}

/** Keeps connections to the wanted peers (`keep-peer.ts`) until it is stopped. Stopping leaves the connections as they are. */
export function startPeerKeeper(options: PeerKeeperOptions): PeerKeeper {
  const wanted = createWantedPeers(options)
  const kept = new Map<string, Kept>()
  const add = (target: PeerTarget) => {
    if (kept.has(target.text)) return
    const abort = new AbortController()
    kept.set(target.text, { target, abort, keeper: keepPeer(target, options, wanted, abort.signal) })
  }
  const end = async (text: string, reason: string) => {
    const one = kept.get(text)
    kept.delete(text)
    one?.abort.abort(new Error(reason))
    await one?.keeper.done
    return one?.target
  }
  for (const target of options.targets) add(target)
  return {
    status: () => [...kept.values()].map(({ keeper }) => keeper.status()),
    isWanted: (peerId) => wanted.has(peerId),
    add,
    async remove(text) {
      const target = await end(text, 'the peer is no longer wanted')
      if (target !== undefined) wanted.drop(target)
    },
    async stop() {
      const all = [...kept.keys()]
      const ended = all.map((text) => end(text, 'the node is stopping'))
      wanted.stop()
      await Promise.all(ended)
    },
  }
}
