import { BlockList, isIP } from 'node:net'
import os, { type NetworkInterfaceInfo } from 'node:os'

export interface Listening {
  readonly peerId: string
  /** TCP port of the swarm. */
  readonly port: number
  /** IP addresses that the swarm listens on; `0.0.0.0` and `::` stand for those of every interface. */
  readonly hosts: readonly string[]
}

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>

/** Interfaces of containers and virtual machines: other machines cannot reach what is behind them. */
const VIRTUAL = /^(?:docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|lxc|lxdbr|podman|utun|awdl|llw)/

const LOOPBACK = ranges(['127.0.0.0', 8], ['::1', 128])
/** Good within one network only, and for IPv6 only together with the name of an interface. */
const LINK_LOCAL = ranges(['169.254.0.0', 16], ['fe80::', 10])
const PRIVATE = ranges(['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['fc00::', 7])

/**
 * The multiaddrs of this node, the one to paste on another machine first: addresses of the internet, then of a private
 * network, then those of virtual interfaces, loopback last; IPv4 before IPv6, which fewer networks carry.
 */
export function swarmAddresses(
  { peerId, port, hosts }: Listening,
  interfaces: Interfaces = os.networkInterfaces(),
): string[] {
  const everywhere = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos.map(({ address }) => ({ address, virtual: VIRTUAL.test(name) })),
  )
  const ours = hosts.flatMap((host) => {
    if (host !== '0.0.0.0' && host !== '::') return [{ address: host, virtual: false }]
    return everywhere.filter(({ address }) => isIP(address) === isIP(host) && !within(LINK_LOCAL, address))
  })
  const ranked = ours.toSorted((a, b) => rank(a.address, a.virtual) - rank(b.address, b.virtual))
  return [...new Set(ranked.map(({ address }) => `/ip${isIP(address)}/${address}/tcp/${port}/p2p/${peerId}`))]
}

/** Does this multiaddr mean the machine of whoever reads it? */
export function isLoopback(multiaddr: string): boolean {
  const [, kind = '', host = ''] = multiaddr.split('/')
  return kind.startsWith('dns') ? host === 'localhost' : within(LOOPBACK, host)
}

/** Is this multiaddr good within some private network only, or on the link? Those of loopback are, too. */
export function isPrivate(multiaddr: string): boolean {
  const [, , host = ''] = multiaddr.split('/')
  return within(PRIVATE, host) || within(LINK_LOCAL, host) || isLoopback(multiaddr)
}

function rank(address: string, virtual: boolean): number {
  const family = isIP(address) === 4 ? 0 : 1
  if (within(LOOPBACK, address)) return 8 + family
  if (virtual) return 4 + family
  return (within(PRIVATE, address) ? 2 : 0) + family
}

function ranges(...subnets: [string, number][]): BlockList {
  const list = new BlockList()
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return list
}

function within(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}
