import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

/** Does this connection go over a relay? */
export function isRelayed(connection: Connection): boolean {
  return connection.remoteAddr.toString().includes('/p2p-circuit')
}

/**
 * The open connections to `peerId`, the best first: direct ones before relayed ones; those that we opened before those that
 * the peer opened, because a peer opens short ones to see whether we can be reached; the newest first, because a peer that
 * comes again has lost the one before.
 */
export function openConnections(host: Pick<Libp2p, 'getConnections'>, peerId: string): Connection[] {
  const open = host.getConnections(peerIdFromString(peerId)).filter(({ status }) => status === 'open')
  return open.toSorted(
    (a, b) =>
      Number(isRelayed(a)) - Number(isRelayed(b)) ||
      Number(a.limits !== undefined) - Number(b.limits !== undefined) ||
      Number(a.direction === 'inbound') - Number(b.direction === 'inbound') ||
      b.timeline.open - a.timeline.open,
  )
}
