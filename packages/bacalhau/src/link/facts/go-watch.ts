import type { Libp2p } from '@libp2p/interface'
import { FACTS_PROTOCOL } from './exchange.ts'
import type { Generation, KnownNode, NodeDirectory } from './known-node.ts'

/** Whether, and of which generations, Go nodes are about. Only then this node speaks as they do. */
export interface GoWatch {
  /** Among the connected peers. */
  readonly near: () => Generation[]
  /** Anywhere in the swarm, as far as it is known. */
  readonly anywhere: () => Generation[]
  /** A peer listens to what Go nodes tell each other. Gives whether it is a Go node, which may not have said anything yet. */
  met(peerId: string): Promise<boolean>
  readonly stop: () => void
}

export function createGoWatch(host: Libp2p, directory: NodeDirectory): GoWatch {
  const unknown = new Set<string>()
  const abort = new AbortController()
  host.addEventListener('peer:disconnect', ({ detail }) => void unknown.delete(detail.toString()), {
    signal: abort.signal,
  })

  function near(): Generation[] {
    const peers = host.getPeers().map(String)
    return together(peers.flatMap((peerId) => generationOf(peerId, directory.find(peerId))))
  }

  /** One that has said nothing yet is taken for a newer one. */
  function generationOf(peerId: string, node: KnownNode | undefined): Generation[] {
    if (node === undefined) return unknown.has(peerId) ? ['c'] : []
    return node.kind === 'go' ? [node.generation] : []
  }

  return {
    near,
    anywhere: () =>
      together([
        ...near(),
        ...directory.nodes().flatMap(({ kind, generation, goPeers }) => (kind === 'go' ? [generation] : goPeers)),
      ]),
    async met(peerId) {
      const peer = host.getPeers().find((one) => one.toString() === peerId)
      if (peer === undefined) return false
      const { protocols } = await host.peerStore.get(peer)
      if (protocols.includes(FACTS_PROTOCOL)) return false
      unknown.add(peerId)
      return true
    },
    stop: () => abort.abort(),
  }
}

const together = (generations: readonly Generation[]): Generation[] => [...new Set(generations)].toSorted()
