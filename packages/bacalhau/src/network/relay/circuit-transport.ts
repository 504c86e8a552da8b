import {
  type Connection,
  type ConnectionLimits,
  type DialTransportOptions,
  type PeerId,
  type PeerStore,
  type Stream,
  type Transport,
  transportSymbol,
  type Upgrader,
} from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { lpStream } from '@libp2p/utils'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isRelayed } from '../connections.ts'
import { circuitConnection } from './circuit-connection.ts'
import {
  type CircuitLimit,
  decodeCircuit,
  encodeCircuit,
  HOP,
  HOP_TYPE,
  MAX_CIRCUIT_MESSAGE,
  STATUS,
  statusText,
  STOP,
  STOP_TYPE,
} from './circuit-message.ts'

/** The parts of a host that connections over relays are made of. */
export interface CircuitComponents {
  readonly connectionManager: ConnectionManager
  readonly peerStore: PeerStore
  readonly registrar: Registrar
  readonly upgrader: Upgrader
}

export interface CircuitOptions {
  /** Do we hold a reservation with this relay? Nobody else may bring us connections. */
  readonly expects: (relay: string) => boolean
}

/** A multiaddr of a peer behind a relay: everything up to `/p2p-circuit`, and the peer. */
export interface CircuitAddress {
  readonly relay: string
  readonly relayAddress: Multiaddr
  readonly peer: string
}

const CIRCUIT = /^(.*\/p2p\/([^/]+))\/p2p-circuit\/p2p\/([^/]+)$/

/** Undefined for an address that does not lead over exactly one relay to a peer. */
function parseCircuit(address: Multiaddr): CircuitAddress | undefined {
  const [, relayAddress = '', relay = '', peer = ''] = CIRCUIT.exec(address.toString()) ?? []
  if (relay === '' || relayAddress.includes('/p2p-circuit')) return undefined
  return { relay, relayAddress: multiaddr(relayAddress), peer }
}

/** Dials peers over relays, and takes the connections that our relays bring. */
export function circuitTransport(options: CircuitOptions): (components: CircuitComponents) => Transport {
  return (components) => ({
    [transportSymbol]: true,
    [Symbol.toStringTag]: 'bacalhau-circuit',
    dial: (address: Multiaddr, dial: DialTransportOptions) => dialCircuit(components, address, dial),
    createListener() {
      throw new Error('reservations are kept elsewhere')
    },
    listenFilter: () => [],
    dialFilter: (addresses: Multiaddr[]) => addresses.filter((address) => parseCircuit(address) !== undefined),
    async start() {
      await components.registrar.handle(
        STOP,
        (stream, connection) => answerStop(components, options, stream, connection),
        {
          maxInboundStreams: LIMITS.relayCircuits,
          maxOutboundStreams: LIMITS.relayCircuits,
        },
      )
    },
    stop: () => components.registrar.unhandle(STOP),
  })
}

async function dialCircuit(
  { connectionManager, peerStore }: CircuitComponents,
  address: Multiaddr,
  options: DialTransportOptions,
): Promise<Connection> {
  const circuit = parseCircuit(address)
  if (circuit === undefined) throw new Error(`${address.toString()} is not an address behind a relay`)
  const relay = await relayConnection({ connectionManager, peerStore }, circuit, options.signal)
  let stream: Stream | undefined
  try {
    stream = await relay.newStream(HOP, { signal: options.signal, maxOutboundStreams: LIMITS.relayCircuitsOfPeer })
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    const peer = peerIdFromString(circuit.peer)
    await messages.write(encodeCircuit('hop', { type: HOP_TYPE.connect, peer }), { signal: options.signal })
    const { status, limit } = decodeCircuit('hop', (await messages.read({ signal: options.signal })).subarray())
    if (status !== STATUS.ok) throw new Error(`the relay ${circuit.relay} answered: ${statusText(status)}`)
    const raw = circuitConnection(messages.unwrap(), address)
    return await options.upgrader.upgradeOutbound(raw, { ...options, ...limits(limit) })
  } catch (error) {
    stream?.abort(new Error(messageOf(error)))
    throw error
  }
}

/** A direct connection to the relay: the one that is there, or a new one. */
async function relayConnection(
  { connectionManager, peerStore }: Pick<CircuitComponents, 'connectionManager' | 'peerStore'>,
  { relay, relayAddress }: CircuitAddress,
  signal: AbortSignal,
): Promise<Connection> {
  const peer: PeerId = peerIdFromString(relay)
  const present = connectionManager.getConnections(peer).find((one) => one.status === 'open' && !isRelayed(one))
  if (present !== undefined) return present
  // An address that is only `/p2p/<relay>` says nothing new.
  if (relayAddress.getComponents().length > 1) await peerStore.merge(peer, { multiaddrs: [relayAddress] })
  return connectionManager.openConnection(peer, { signal })
}

async function answerStop(
  { upgrader }: CircuitComponents,
  { expects }: CircuitOptions,
  stream: Stream,
  connection: Connection,
): Promise<void> {
  const signal = AbortSignal.timeout(LIMITS.handshake)
  try {
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    const request = decodeCircuit('stop', (await messages.read({ signal })).subarray())
    const reply = (status: number) =>
      messages.write(encodeCircuit('stop', { type: STOP_TYPE.status, status }), { signal })
    if (request.type !== STOP_TYPE.connect || request.peer === undefined || isRelayed(connection)) {
      await reply(STATUS.unexpected)
      return await stream.close({ signal })
    }
    if (!expects(connection.remotePeer.toString())) {
      await reply(STATUS.permissionDenied)
      return await stream.close({ signal })
    }
    await reply(STATUS.ok)
    const through = connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, '')
    const address = multiaddr(
      `${through}/p2p/${connection.remotePeer.toString()}/p2p-circuit/p2p/${request.peer.toString()}`,
    )
    await upgrader.upgradeInbound(circuitConnection(messages.unwrap(), address), { ...limits(request.limit), signal })
  } catch (error) {
    stream.abort(new Error(messageOf(error)))
  }
}

/** A relay of another program may allow little: then only what is small runs over the connection. */
function limits(limit: CircuitLimit | undefined): { limits?: ConnectionLimits } {
  if (limit?.seconds === undefined && limit?.bytes === undefined) return {}
  return {
    limits: {
      ...(limit.seconds === undefined ? {} : { seconds: limit.seconds }),
      ...(limit.bytes === undefined ? {} : { bytes: BigInt(limit.bytes) }),
    },
  }
}
