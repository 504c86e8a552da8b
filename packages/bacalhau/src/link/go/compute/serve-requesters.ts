import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { isLoopback } from '../../../network/addresses.ts'
import { messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import type { LogReader } from '../../logs.ts'
import { sendCallback, type Speaker } from '../wire/rpc.ts'
import { handleCalls } from './calls.ts'
import { handleLogs } from './logs.ts'
import { handleLogsB } from './logs-b.ts'
import { RequesterDesks, type RequesterDesksOptions } from './requester-desks.ts'

export interface GoRequestersOptions extends Omit<RequesterDesksOptions, 'self' | 'send'> {
  readonly host: Libp2p
  /** May this peer give work to this node? */
  readonly admits: (speaker: Speaker) => boolean
  /** Are those that may not told so? */
  readonly answersStrangers: boolean
  readonly readLogs: LogReader
}

/** The requesters of the Go program that this node works for. Stopping leaves them a moment to take the last reports. */
export interface GoRequesters extends Stoppable {
  /** Those that have asked something of this node, or may. */
  peers(): string[]
  /** A requester that may give work to this node is there. */
  connected(peer: string): void
}

/** Takes work of Go requesters. To be called before the first peer is dialled, so that it learns of the protocols. */
export async function serveGoRequesters(options: GoRequestersOptions): Promise<GoRequesters> {
  const { host } = options
  const desks = await RequesterDesks.open({
    ...options,
    self: host.peerId.toString(),
    send: (requester, { protocol, message }, signal) => sendCallback(host, requester, protocol, message, { signal }),
  })
  const services = [
    ...(await handleCalls(options, ({ peer, address }) => desks.at(peer, isLoopback(address)))),
    await handleLogs(options, desks.table),
    ...(await handleLogsB(options, desks.table)),
  ]
  const onPeer = ({ detail }: CustomEvent<{ toString(): string }>) => desks.hurry(detail.toString())
  host.addEventListener('peer:connect', onPeer)
  for (const requester of desks.table.requesters()) await remember(requester, desks, options)
  desks.recover()
  return {
    peers: () => desks.peers(),
    connected: (peer) => desks.connected(peer),
    async stop() {
      host.removeEventListener('peer:connect', onPeer)
      await desks.farewell()
      await Promise.all(services.map((service) => service.stop()))
      await desks.stop()
    },
  }
}

/** Where it was seen before this node was restarted, so that it can be called back. */
async function remember(
  requester: string,
  { table }: RequesterDesks,
  { host, logger }: GoRequestersOptions,
): Promise<void> {
  const addresses = table.all(requester).flatMap(({ taken }) => taken.addresses)
  try {
    await host.peerStore.merge(peerIdFromString(requester), {
      multiaddrs: [...new Set(addresses)].map((address) => multiaddr(address)),
    })
  } catch (error) {
    logger.debug({ requester, error: messageOf(error) }, 'the addresses of a Go requester cannot be used')
  }
}
