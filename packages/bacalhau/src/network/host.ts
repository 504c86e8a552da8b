import { identify, identifyPush } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { wholeTls } from './whole-writes.ts'
import { yamux } from '@libp2p/yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { createLibp2p } from 'libp2p'
import { isIP } from 'node:net'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { VERSION } from '../runtime/version.ts'
import { type Extras, type HostFeatures, loadExtras } from './host-features.ts'
import { PINGS_AT_ONCE } from './reach/alive.ts'
import { type HostReach, type ReachComponents, startReach } from './reach/reach.ts'
import { protectConnections, type ProtectorOptions } from './private-swarm/protector.ts'
import { prepareSharing, sharedPortTcp } from './reach/shared-port.ts'
import { circuitTransport } from './relay/circuit-transport.ts'

export interface HostOptions extends HostFeatures {
  /** The libp2p protobuf of the private key, as `loadNodeKey` returns it. */
  readonly key: Uint8Array
  /** TCP port of the swarm; 0 takes any free one. */
  readonly port: number
  /** IP addresses to listen on; every interface of IPv4 and IPv6 if not given. */
  readonly listen?: readonly string[]
  /** Makes the swarm a private one: only those who have the key connect. */
  readonly swarmKey?: Uint8Array
  /** Called when somebody connects, or answers, who does not have it. */
  readonly onForeign?: ProtectorOptions['onForeign']
  /** Multiaddrs to tell to others instead of those found on the interfaces. */
  readonly announce?: readonly string[]
}

const LISTEN = 'Choose an address of this machine with --swarm-host; 0.0.0.0 and :: are all of them.'
const EVERY_INTERFACE = ['0.0.0.0', '::']

/** The listen multiaddrs for `hosts` on `port`. Throws `ConfigurationError` for something that is not an IP address. */
export function listenAddresses(port: number, hosts: readonly string[] = EVERY_INTERFACE): string[] {
  return hosts.map((host) => {
    const family = isIP(host)
    if (family === 0) {
      throw new BacalhauError('ConfigurationError', `"${host}" is not an IP address to listen on.`, { hint: LISTEN })
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
  let components: ReachComponents | undefined
  let reach: HostReach | undefined
  try {
    const shared = sharedPortTcp(await handleToShare(options))
    const host = await createLibp2p({
      start: false,
      privateKey: privateKeyFromProtobuf(options.key),
      nodeInfo: { name: 'bacalhau', version: VERSION, userAgent: `bacalhau/${VERSION}` },
      addresses: {
        listen,
        announce: [...(options.announce ?? [])],
        announceFilter: (addresses) => reach?.announced(addresses, options.announce === undefined) ?? addresses,
      },
      transports: [shared.transport, circuitTransport({ expects: (relay) => reach?.expects(relay) === true })],
      connectionEncrypters: [wholeTls(), noise()],
      ...(options.swarmKey === undefined
        ? {}
        : {
            connectionProtector: protectConnections({
              key: options.swarmKey,
              onForeign: options.onForeign ?? (() => {}),
            }),
          }),
      streamMuxers: [yamux({ streamOptions: STREAM_OPTIONS })],
      peerDiscovery: extras.discovery,
      services: { ...services(extras), components: (all: ReachComponents) => void (components = all) },
      connectionManager: {
        maxConnections: LIMITS.connections,
        maxIncomingPendingConnections: LIMITS.pendingHandshakes,
        inboundConnectionThreshold: LIMITS.connectionsPerSecond,
        // The peer keeper redials, with its own pauses; two redialling loops would race.
        reconnectRetries: 0,
      },
      // Notices peers that vanished without closing. Seldom, because a node may have hundreds; who depends on a peer looks for
      // itself: the peer keeper, and the link, which has a heartbeat.
      connectionMonitor: { pingInterval: 300_000, pingTimeout: { minTimeout: 15_000 } },
    })
    if (options.reach !== undefined && components !== undefined) {
      reach = await startReach(host, components, shared, options.reach)
      host.addEventListener('stop', () => void reach?.stop())
    }
    await host.start()
    return host
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

/** What lets connections be dialled from the port of the swarm; only nodes that want to be reached need that. */
async function handleToShare({ reach, port, listen = EVERY_INTERFACE }: HostOptions) {
  return reach?.punch === true || reach?.autonat === true ? prepareSharing(listen, port) : undefined
}

function services(extras: Extras) {
  return {
    identify: identify(),
    identifyPush: identifyPush(),
    ping: ping({ maxInboundStreams: PINGS_AT_ONCE, maxOutboundStreams: PINGS_AT_ONCE }),
    ...extras.services,
  }
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
    const address = /EADDRNOTAVAIL: address not available (\S+):\d+/.exec(message)?.[1] ?? 'that the swarm listens on'
    return new BacalhauError('ConfigurationError', `This machine does not have the address ${address}.`, {
      hint: LISTEN,
      cause: error,
    })
  }
  return error
}
