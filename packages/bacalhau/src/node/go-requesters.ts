import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { ComputeNode } from '../compute/compute-node.ts'
import { type GoRequesters, serveGoRequesters } from '../link/go/compute/serve-requesters.ts'
import type { Trust } from '../link/go/trust.ts'
import { GO_PROTOCOLS } from '../link/go/wire/protocols.ts'
import type { Speaker } from '../link/go/wire/rpc.ts'
import { LINK_PROTOCOLS } from '../link/link-protocol.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Services } from './services.ts'

export interface GoRequestersRoleOptions {
  readonly host: Libp2p
  readonly compute: ComputeNode
  readonly trust: Trust
  readonly services: Services
}

/** Which peers are requesters of the Go program that this node works for. */
export interface GoRequestersRole extends Stoppable {
  /** A peer that this node was pointed at is there, or is not. */
  connected(peer: string): void
  disconnected(peer: string): void
  /** Is this peer such a requester, as far as is known yet? A link to it need not be tried. */
  includes(peer: string): boolean
  peers(): string[]
}

/** Works for requesters of the Go program that are trusted, and that this node was pointed at or that are allowed by name. */
export async function startGoRequesters(options: GoRequestersRoleOptions): Promise<GoRequestersRole> {
  const { host, compute, trust, services } = options
  const wanted = new Set<string>()
  const ofGo = new Set<string>()
  const warned = new Set<string>()
  const admits = (speaker: Speaker) =>
    trust.isAllowed(speaker.peer) || (wanted.has(speaker.peer) && trust.admits(speaker))
  const requesters: GoRequesters = await serveGoRequesters({
    ...services,
    host,
    admits,
    answersStrangers: trust.isOn,
    attach: (channel) => compute.attach(channel),
    consider: async (requester, offer) => (await compute.consider(requester, offer))?.reason,
    readLogs: compute.readLogs.bind(compute),
  })

  const look = async (peer: string): Promise<void> => {
    const address = host.getConnections(peerIdFromString(peer))[0]?.remoteAddr.toString()
    if (address === undefined || !(wanted.has(peer) || trust.isAllowed(peer))) return
    if (!(await isGoRequester(host, peer))) return void ofGo.delete(peer)
    ofGo.add(peer)
    if (admits({ peer, address })) return requesters.connected(peer)
    if (!warned.has(peer)) warn(services.logger, peer, address)
    warned.add(peer)
  }
  const stopLooking = onIdentified(host, (peer) => void look(peer))
  return {
    connected(peer) {
      wanted.add(peer)
      void look(peer)
    },
    disconnected(peer) {
      wanted.delete(peer)
    },
    includes: (peer) => ofGo.has(peer),
    peers: () => requesters.peers(),
    async stop() {
      stopLooking()
      await requesters.stop()
    },
  }
}

function warn(logger: Logger, peer: string, address: string): void {
  const hint = `To take its work, start this node with --legacy-peers allow ${peer}`
  logger.warn({ peer, address, hint }, 'a peer is a requester of the Go program, which this node does not trust')
}

/** Calls `listener` whenever a peer has said what it speaks. Gives the way to stop that. */
function onIdentified(host: Libp2p, listener: (peer: string) => void): () => void {
  const onIdentify = ({ detail }: CustomEvent<{ peerId: { toString(): string } }>) => listener(detail.peerId.toString())
  const onUpdate = ({ detail }: CustomEvent<{ peer: { id: { toString(): string } } }>) =>
    listener(detail.peer.id.toString())
  host.addEventListener('peer:identify', onIdentify)
  host.addEventListener('peer:update', onUpdate)
  return () => {
    host.removeEventListener('peer:identify', onIdentify)
    host.removeEventListener('peer:update', onUpdate)
  }
}

/** It takes what compute nodes of the Go program tell, and is none of ours, which may take that as well. */
async function isGoRequester(host: Libp2p, peer: string): Promise<boolean> {
  const known = await host.peerStore.get(peerIdFromString(peer)).catch(() => undefined)
  const protocols = known?.protocols ?? []
  return (
    protocols.includes(GO_PROTOCOLS.onRunComplete) &&
    !Object.values(LINK_PROTOCOLS).some((protocol) => protocols.includes(protocol))
  )
}
