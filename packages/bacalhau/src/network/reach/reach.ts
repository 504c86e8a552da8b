import type { Reach } from '@bacalhau/models'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { AddressManager, ConnectionManager, Registrar, TransportManager } from '@libp2p/interface-internal'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { Scope, type Stoppable } from '../../runtime/lifecycle.ts'
import { type Random, systemRandom } from '../../runtime/random.ts'
import { isLoopback, isPrivate } from '../addresses.ts'
import { isRelayed, openConnections } from '../connections.ts'
import { type RelayLoad, startRelayServer } from '../relay/relay-server.ts'
import { keepReservations } from '../relay/reservations.ts'
import { startAutonat } from './autonat.ts'
import { type DirectDial, startPuncher } from './punch.ts'
import type { SharedPortTcp } from './shared-port.ts'
import { watchSightings } from './sightings.ts'
import { watchChanges } from './changes.ts'
import { createWays } from './ways.ts'

/** What this node knows about how others reach it. */
export interface OwnReachability {
  /** Can others open connections to us? `unknown` until a peer has tried. */
  readonly verdict: 'reachable' | 'unreachable' | 'unknown'
  /** Addresses at which peers have reached us when asked to. */
  readonly confirmed: readonly string[]
  /** Addresses that our connections come from, as peers see them. */
  readonly seenAs: readonly string[]
  /** Does the router give us the same place for every peer (`same`), so that holes can be punched? */
  readonly mapping: 'same' | 'varies' | 'unknown'
  /** Do our connections come from the port that we listen on? If not, no holes can be punched. */
  readonly sharesPort: boolean
  /** Addresses of ours behind relays. */
  readonly relayed: readonly string[]
  /** Relays that do not carry us, and why: peer ID to reason. */
  readonly refusals: ReadonlyMap<string, string>
  /** What this node carries for others; undefined if it is no relay. */
  readonly relays: RelayLoad | undefined
}

export interface ReachOptions {
  /** May this peer be reached through us, and have us look whether it can be reached? Strangers may not. */
  readonly admits: (peerId: string) => boolean
  /** Carry connections of admitted peers. */
  readonly relay: boolean
  /** Punch holes to get off relays. */
  readonly punch: boolean
  /** Ask peers to dial back, and do so for admitted ones. */
  readonly autonat: boolean
  readonly clock?: Clock
  readonly random?: Random
}

/** The parts of a host that are not to be had from outside. */
export interface ReachComponents {
  readonly addressManager: AddressManager
  readonly transportManager: TransportManager
  readonly connectionManager: ConnectionManager
  readonly registrar: Registrar
}

export interface HostReach extends Stoppable {
  connect(peer: string, signal: AbortSignal): Promise<Connection>
  of(peer: string): Reach
  own(): OwnReachability
  /** Are we to be brought connections by this relay? */
  expects(relay: string): boolean
  /** The addresses to announce, made of those that libp2p would; `own`: with those of the interfaces, which may be public. */
  announced(found: readonly Multiaddr[], own: boolean): Multiaddr[]
  onAlarm(listener: () => void): () => void
}

const KNOWN = new WeakMap<Libp2p, HostReach>()

/** How this host reaches that peer. */
export function reachOf(host: Libp2p, peerId: string): Reach {
  if (peerId === host.peerId.toString()) return 'local'
  return KNOWN.get(host)?.of(peerId) ?? plainReach(openConnections(host, peerId)[0])
}

/** How others reach this host; undefined for one that was made without that. */
export function ownReachability(host: Libp2p): OwnReachability | undefined {
  return KNOWN.get(host)?.own()
}

/** See `Swarm.onAlarm`. */
export function onAlarm(host: Libp2p, listener: () => void): () => void {
  return KNOWN.get(host)?.onAlarm(listener) ?? (() => undefined)
}

export interface ConnectOptions {
  readonly signal: AbortSignal
  /** Will a connection do over which a relay of another program allows little? */
  readonly limited: boolean
  /** Is no new one to be made? */
  readonly present?: boolean
}

/** The best connection to `peer` that there is, or a new one: directly, or over a relay that both know. */
export async function connectTo(host: Libp2p, peer: string, options: ConnectOptions): Promise<Connection> {
  const { signal, limited } = options
  const present = openConnections(host, peer).find((one) => limited || one.limits === undefined)
  if (present !== undefined) return present
  if (options.present === true) throw new Error('it is not connected any more')
  return KNOWN.get(host)?.connect(peer, signal) ?? host.dial(peerIdFromString(peer), { signal })
}

/** Starts what makes a host reachable and lets it reach others; before the host itself starts. Ends with the host. */
export async function startReach(
  host: Libp2p,
  components: Pick<ReachComponents, 'addressManager' | 'transportManager'>,
  shared: SharedPortTcp,
  options: ReachOptions,
): Promise<HostReach> {
  const scope = new Scope()
  const parts = await startParts(host, components, shared, options, scope)
  const { sightings, reservations, autonat, puncher, relay, interfaces, alarms } = parts
  const reach: HostReach = {
    connect: createWays(host, parts.dial, options.clock ?? systemClock),
    of(peer) {
      const best = openConnections(host, peer)[0]
      if (best !== undefined && puncher?.isPunched(best) === true) return 'punched'
      const plain = plainReach(best)
      return plain === 'inbound-only' && autonat?.hasReached(peer) === true ? 'direct' : plain
    },
    own: () => ({
      verdict: autonat?.verdict() ?? 'unknown',
      confirmed: autonat?.confirmed() ?? [],
      seenAs: sightings.addresses(),
      mapping: sightings.mapping(),
      sharesPort: shared.active,
      relayed: reservations.addresses(),
      refusals: reservations.refusals(),
      relays: relay?.load(),
    }),
    expects: (peer) => reservations.has(peer),
    announced(found, own) {
      const all = [
        ...(own ? interfaces().map(String) : []),
        ...(autonat?.confirmed() ?? []),
        ...reservations.addresses(),
      ]
      return worthTelling(found, all, `/p2p/${host.peerId.toString()}`)
    },
    onAlarm(listener) {
      alarms.add(listener)
      return () => void alarms.delete(listener)
    },
    stop: () => scope.stop(),
  }
  KNOWN.set(host, reach)
  return reach
}

async function startParts(
  host: Libp2p,
  { addressManager, transportManager }: Pick<ReachComponents, 'addressManager' | 'transportManager'>,
  shared: SharedPortTcp,
  { admits, clock = systemClock, random = systemRandom, ...options }: ReachOptions,
  scope: Scope,
) {
  const sightings = watchSightings(host, (connection) => shared.isShared(connection))
  scope.defer(() => sightings.stop())
  const dial = directDial(transportManager)
  const interfaces = () => transportManager.getAddrs().filter((one) => !isLoopback(one.toString()))
  // Ports that a router has opened for us by UPnP: told to others once a peer has come in there.
  const mapped = () => addressManager.getAddressesWithMetadata().filter(({ type }) => type === 'ip-mapping')
  const candidates = () => [
    ...sightings.addresses().map((one) => multiaddr(one)),
    ...mapped().map((one) => one.multiaddr),
    ...interfaces(),
  ]
  const isPlausible = (address: Multiaddr, all: readonly Multiaddr[]) => sensible(address, all, sightings.addresses())
  const onChange = () => announceAnew(host)
  const alarms = new Set<() => void>()
  const alarm = () => {
    onChange()
    for (const listener of alarms) listener()
  }
  scope.own(watchChanges({ clock, onChange: alarm }))
  const asking = { admits, candidates, dial, onChange, clock, random }
  return {
    sightings,
    dial,
    interfaces,
    alarms,
    reservations: scope.own(keepReservations(host, { onChange, clock, random })),
    autonat: options.autonat ? scope.own(await startAutonat(host, asking)) : undefined,
    puncher: options.punch ? scope.own(await startPuncher(host, { ...asking, isPlausible })) : undefined,
    relay: options.relay ? scope.own(await startRelayServer(host, { admits, clock })) : undefined,
  }
}

/** Addresses to tell: with the peer ID `id`, each once, and none that means another machine to whoever reads it. */
function worthTelling(found: readonly Multiaddr[], more: readonly string[], id: string): Multiaddr[] {
  const all = [...new Set([...found.map(String), ...more.map((one) => `${one}${id}`)])]
  const others = all.filter((one) => !isLoopback(one))
  return (others.length === 0 ? all : others).map((one) => multiaddr(one))
}

/** The signal ends with the dial: the socket would go on listening to it, and be destroyed when it aborts later. */
function directDial(transportManager: TransportManager): DirectDial {
  return async (address, { signal, ...how }) => {
    const dialling = new AbortController()
    const onAbort = () => dialling.abort(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await transportManager.dial(address, { ...how, signal: dialling.signal })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function plainReach(best: Connection | undefined): Reach {
  if (best === undefined) return 'none'
  if (isRelayed(best)) return 'relayed'
  if (isLoopback(best.remoteAddr.toString())) return 'local'
  return best.direction === 'outbound' ? 'direct' : 'inbound-only'
}

/**
 * An address of a private network is dialled only if the peer seems to be in ours: seen from outside at the same address, or
 * if no one sees us with a public one. Elsewhere it would be another machine.
 */
function sensible(address: Multiaddr, all: readonly Multiaddr[], seenAs: readonly string[]): boolean {
  const text = address.toString()
  if (isLoopback(text) || text.includes('/p2p-circuit')) return false
  if (!isPrivate(text)) return true
  const ours = seenAs.filter((one) => !isPrivate(one)).map(hostOf)
  return ours.length === 0 || all.some((one) => ours.includes(hostOf(one.toString())))
}

const hostOf = (address: string): string => address.split('/')[2] ?? ''

/** Makes libp2p tell the peers our addresses, which it does when they change in its own records. */
function announceAnew(host: Libp2p): void {
  const id = `/p2p/${host.peerId.toString()}`
  const multiaddrs = host.getMultiaddrs().map((one) => multiaddr(one.toString().replace(new RegExp(`${id}$`), '')))
  host.peerStore.patch(host.peerId, { multiaddrs }).catch(() => undefined)
}
