import type {
  Connection,
  DialTransportOptions,
  Listener,
  MultiaddrConnection,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { lookup } from 'node:dns/promises'
import { createServer, isIP } from 'node:net'
import process from 'node:process'
import { isLoopback } from '../addresses.ts'

/**
 * TCP that dials from the port on which it listens, so that a NAT router gives both the same place on the outside: what a peer
 * sees of our connections is then where we can be reached, if anywhere, and holes can be punched there.
 *
 * Several sockets may have one local port if each says so before it is bound (SO_REUSEPORT). Node offers that for listening
 * sockets but not for those that connect, so the handle below such a socket is made and bound here. Where the system cannot do
 * it (only Linux can), or a port is not free for one more connection to the same place, connections come from any port.
 */
export interface SharedPortTcp {
  readonly transport: (components: TcpComponents) => Transport
  /** Are ports shared on this system? */
  readonly active: boolean
  /** Was this connection dialled from the port that we listen on? */
  isShared(connection: Connection): boolean
}

type TcpComponents = Parameters<ReturnType<typeof tcp>>[0]

export interface SharedDialOptions extends DialTransportOptions {
  /** `fresh`: from a port that no router has seen, as a stranger would. `listening`: from the shared one or not at all. */
  readonly from?: 'fresh' | 'listening'
  /** Both sides dial each other: does this one answer the handshake? Asked when the two have met. */
  readonly answers?: () => boolean
  /** How long to wait for the TCP connection, in milliseconds. */
  readonly patience?: number
}

/** What Node has below a socket, as far as it is needed here. */
interface TcpHandle {
  bind(address: string, port: number, flags: number): number
  bind6(address: string, port: number, flags: number): number
  close(): void
}
export type TcpHandleClass = new (type: 0) => TcpHandle

/** UV_TCP_IPV6ONLY and UV_TCP_REUSEPORT of libuv. */
const IPV6_ONLY = 1
const REUSE_PORT = 2

/** A TCP connection that is not there after this many milliseconds is tried anew: the pauses of the system only grow. */
const CONNECT_WAIT = 1_900

/**
 * Makes ready for sharing `port`: undefined where the system cannot. A port that others may share could be taken twice without
 * anyone noticing, so this first looks whether it is free. Throws the error of the system when it is not.
 */
export async function prepareSharing(hosts: readonly string[], port: number): Promise<TcpHandleClass | undefined> {
  if (process.platform !== 'linux' || hosts.every((host) => isLoopback(`/ip${isIP(host)}/${host}`))) return undefined
  let handleClass: TcpHandleClass | undefined
  for (const host of hosts) handleClass = (await tryListening(host, port)) ?? handleClass
  return handleClass
}

function tryListening(host: string, port: number): Promise<TcpHandleClass | undefined> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      // Whatever else is wrong shows when the node really listens.
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') reject(error)
      else resolve(undefined)
    })
    server.listen({ host, port, ipv6Only: isIP(host) === 6, exclusive: true }, () => {
      const handle: unknown = Reflect.get(server, '_handle')
      const made = typeof handle === 'object' ? handle?.constructor : undefined
      server.close(() => resolve(typeof made === 'function' ? (made as TcpHandleClass) : undefined))
    })
  })
}

export function sharedPortTcp(Handle: TcpHandleClass | undefined): SharedPortTcp {
  const shared = new WeakSet<Connection>()
  return {
    active: Handle !== undefined,
    isShared: (connection) => shared.has(connection),
    transport(components) {
      // `reusePort` goes on to `server.listen`, as every option does.
      const inner = tcp(Handle === undefined ? {} : { listenOpts: { reusePort: true } as object })(components)
      const listeners: Listener[] = []
      return wrap(inner, {
        createListener(options) {
          const listener = inner.createListener(options)
          listeners.push(listener)
          return listener
        },
        async dial(address, options: SharedDialOptions) {
          const target = Handle === undefined || options.from === 'fresh' ? undefined : await targetOf(address)
          const port = target === undefined ? undefined : listeningPort(listeners, target.family)
          const handle = bound(Handle, target?.family, port)
          if (handle === undefined || target === undefined) return plain(inner, address, options)
          try {
            const timeout = options.patience ?? CONNECT_WAIT
            const extra = { handle, manualStart: true, host: target.host, timeout }
            const connection = await inner.dial(address, { ...answering(options), ...extra })
            shared.add(connection)
            return connection
          } catch (error) {
            if (options.from === 'listening' || !isTaken(error)) throw error
            return plain(inner, address, options)
          }
        },
      })
    },
  }
}

/**
 * The upgrader of libp2p answers the handshakes of a connection that it is told to, but leaves it marked as outbound, so that
 * both muxers would take the part of the client.
 */
function answering(options: SharedDialOptions): SharedDialOptions {
  const { answers } = options
  if (answers === undefined) return options
  const upgrader: Upgrader = Object.assign(Object.create(options.upgrader) as Upgrader, {
    upgradeOutbound(raw: MultiaddrConnection, more: Parameters<Upgrader['upgradeOutbound']>[1]) {
      if (!answers()) return options.upgrader.upgradeOutbound(raw, more)
      raw.direction = 'inbound'
      return options.upgrader.upgradeOutbound(raw, { ...more, initiator: false })
    },
  })
  return { ...options, upgrader }
}

function wrap(inner: Transport, changed: Pick<Transport, 'dial' | 'createListener'>): Transport {
  return Object.assign(Object.create(inner) as Transport, changed)
}

/** Options of a dial go on to `net.connect`. */
function plain(inner: Transport, address: Multiaddr, options: SharedDialOptions): Promise<Connection> {
  if (options.from === 'listening') throw new Error('there is no port to share')
  return inner.dial(address, Object.assign({}, options, { timeout: CONNECT_WAIT }))
}

/** Where to; undefined for this machine itself, where nothing stands between. */
async function targetOf(address: Multiaddr): Promise<{ host: string; family: number } | undefined> {
  const [kind, name] = address.getComponents().map(({ name, value }) => [name, value] as const)[0] ?? []
  if (kind === undefined || name === undefined || isLoopback(address.toString())) return undefined
  if (isIP(name) !== 0) return { host: name, family: isIP(name) }
  const family = kind === 'dns4' ? 4 : kind === 'dns6' ? 6 : 0
  const found = await lookup(name, { family })
  return { host: found.address, family: found.family }
}

/** The port that we listen on for more than this machine itself. */
function listeningPort(listeners: readonly Listener[], family: number): number | undefined {
  const prefix = `/ip${family}/`
  const addresses = listeners.flatMap((listener) => listener.getAddrs().map(String))
  const address = addresses.find((one) => one.startsWith(prefix) && !isLoopback(one))
  const port = Number(address?.split('/')[4])
  return port > 0 ? port : undefined
}

function bound(Handle: TcpHandleClass | undefined, family: number | undefined, port: number | undefined) {
  if (Handle === undefined || port === undefined) return undefined
  const handle = new Handle(0)
  const failed =
    family === 6 ? handle.bind6('::', port, REUSE_PORT | IPV6_ONLY) : handle.bind('0.0.0.0', port, REUSE_PORT)
  if (failed === 0) return handle
  handle.close()
  return undefined
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL'
}
