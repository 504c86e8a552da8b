import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { PING_PROTOCOL } from '@libp2p/ping'
import { byteStream } from '@libp2p/utils'

const PING_BYTES = 32
/** Pings that one connection may have under way: libp2p's own monitor sends some, too. */
export const PINGS_AT_ONCE = 8

/**
 * Cuts those connections to `peerId` over which no answer comes within `patience` milliseconds. A connection whose path is gone
 * looks open for minutes otherwise, and is silent for long when the path is back, because TCP repeats itself less and less often.
 */
export async function cutDead(host: Libp2p, peerId: string, patience: number): Promise<void> {
  const connections = host.getConnections(peerIdFromString(peerId)).filter(({ status }) => status === 'open')
  await Promise.all(
    connections.map(async (connection) => {
      if (!(await isAlive(connection, patience))) connection.abort(new Error('the peer does not answer'))
    }),
  )
}

/** A peer that refuses to be pinged is alive, too. */
async function isAlive(connection: Connection, patience: number): Promise<boolean> {
  const signal = AbortSignal.timeout(patience)
  let stream: Stream | undefined
  try {
    stream = await connection.newStream(PING_PROTOCOL, {
      signal,
      maxOutboundStreams: PINGS_AT_ONCE,
      runOnLimitedConnection: true,
    })
    const bytes = byteStream(stream)
    await bytes.write(new Uint8Array(PING_BYTES), { signal })
    await bytes.read({ bytes: PING_BYTES, signal })
    await stream.close({ signal })
    return true
  } catch {
    stream?.abort(new Error('no answer in time'))
    return !signal.aborted
  }
}
