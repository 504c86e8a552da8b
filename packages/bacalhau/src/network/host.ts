import { identify, identifyPush } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { createLibp2p } from 'libp2p'
import { isIP } from 'node:net'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { VERSION } from '../runtime/version.ts'
import { type Extras, type HostFeatures, loadExtras } from './host-features.ts'

export interface HostOptions extends HostFeatures {
  /** The libp2p protobuf of the private key, as `loadNodeKey` returns it. */
  readonly key: Uint8Array
  /** TCP port of the swarm; 0 takes any free one. */
  readonly port: number
  /** IP addresses to listen on; every interface of IPv4 and IPv6 if not given. */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell to others instead of those found on the interfaces. */
  readonly announce?: readonly string[]
}

const EVERY_INTERFACE = ['0.0.0.0', '::']

/** The listen multiaddrs for `hosts` on `port`. Throws `ConfigurationError` for something that is not an IP address. */
export function listenAddresses(port: number, hosts: readonly string[] = EVERY_INTERFACE): string[] {
  return hosts.map((host) => {
    const family = isIP(host)
    if (family === 0) {
      throw new BacalhauError('ConfigurationError', `"${host}" is not an IP address to listen on.`)
    }
    return `/ip${family}/${host}/tcp/${port}`
  })
}

/**
 * Starts the libp2p host of this node. Throws `PortInUse` or `ConfigurationError` when it cannot listen.
 *
 * TLS is offered before Noise because it moves data nearly twice as fast from Node; both authenticate the peer.
 */
export async function createHost(options: HostOptions): Promise<Libp2p> {
  const listen = listenAddresses(options.port, options.listen)
  const extras = await loadExtras(options)
  try {
    return await createLibp2p({
      privateKey: privateKeyFromProtobuf(options.key),
      nodeInfo: { name: 'bacalhau', version: VERSION, userAgent: `bacalhau/${VERSION}` },
      addresses: { listen: [...listen, ...extras.listen], announce: [...(options.announce ?? [])] },
      transports: [tcp(), ...extras.transports],
      connectionEncrypters: [tls(), noise()],
      streamMuxers: [yamux({ streamOptions: STREAM_OPTIONS })],
      peerDiscovery: extras.discovery,
      services: services(extras),
      connectionManager: {
        maxConnections: LIMITS.connections,
        maxIncomingPendingConnections: LIMITS.pendingHandshakes,
        inboundConnectionThreshold: LIMITS.connectionsPerSecond,
        // The peer keeper redials, with its own pauses; two redialling loops would race.
        reconnectRetries: 0,
      },
      // Notices peers that vanished without closing. Slow enough to forgive a busy machine; the link has its own, faster
      // heartbeat.
      connectionMonitor: { pingInterval: 15_000, pingTimeout: { minTimeout: 15_000 } },
    })
  } catch (error) {
    throw listenFailure(error, options.port)
  }
}

/**
 * A paused reader must be able to hold whatever the window lets the peer send, else yamux resets the stream: so the window
 * may never grow beyond the buffer.
 */
const STREAM_OPTIONS = {
  maxStreamWindowSize: LIMITS.streamWindow,
  maxReadBufferLength: 2 * LIMITS.streamWindow,
}

function services(extras: Extras) {
  return { identify: identify(), identifyPush: identifyPush(), ping: ping(), ...extras.services }
}

function listenFailure(error: unknown, port: number): unknown {
  // libp2p gives only a text that quotes the system errors of all listeners.
  const message = messageOf(error)
  if (/EADDRINUSE/.test(message)) {
    return new BacalhauError('PortInUse', `Port ${port} of the swarm is taken by another program.`, {
      hint: `Choose another one with --port (or --swarm-port), or stop the program that has it: perhaps another node.`,
      details: { port: String(port) },
      cause: error,
    })
  }
  if (/EACCES/.test(message)) {
    return new BacalhauError('ConfigurationError', `This user may not listen on port ${port}.`, {
      hint: 'Choose a port above 1023 with --port.',
      cause: error,
    })
  }
  if (/EADDRNOTAVAIL/.test(message)) {
    return new BacalhauError('ConfigurationError', 'This machine does not have the address to listen on.', {
      cause: error,
    })
  }
  return error
}
