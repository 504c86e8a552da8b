import { BlockList, isIP } from 'node:net'

/** Ports below belong to services of other kinds, which nobody shall make us knock at. */
const FIRST_PORT = 1_024

const LOOPBACK = ['127.0.0.0/8', '::1/128']
/** Addresses that mean something only within a network. Each block is a network of its own. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
/** Of nobody, of everybody, or of the cable. */
const NEVER = ['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '198.18.0.0/15', '224.0.0.0/3', '168.63.129.16/32']
/** Of IPv6 only what is public, of one's own network, or loopback; and nothing that stands for an address of the other family. */
const IPV6 = ['2000::/3', 'fc00::/7', '::1/128']
const STANDS_FOR_IPV4 = ['2001::/32', '2002::/16']

/**
 * May this node dial an address that a stranger tells of itself, and that may be anybody's? A node on loopback dials loopback, and
 * nothing else; others never do. Private addresses are dialled by nodes that have one of the same kind.
 */
export function mayDial(address: string, own: readonly string[]): boolean {
  const [, kind, host = '', tcp, port, ...rest] = address.split('/')
  if ((kind !== 'ip4' && kind !== 'ip6') || tcp !== 'tcp' || rest.length > 0 || isIP(host) === 0) return false
  if (Number(port) < FIRST_PORT || within(NEVER, host)) return false
  if (isIP(host) === 6 && (!within(IPV6, host) || within(STANDS_FOR_IPV4, host))) return false
  const ours = own.map((mine) => mine.split('/')[2] ?? '')
  const areLocal = ours.length > 0 && ours.every((mine) => within(LOOPBACK, mine))
  if (areLocal || within(LOOPBACK, host)) return areLocal && within(LOOPBACK, host)
  const block = PRIVATE.find((range) => within([range], host))
  return block === undefined || ours.some((mine) => within([block], mine))
}

const lists = new Map<string, BlockList>()

function within(ranges: readonly string[], host: string): boolean {
  const family = isIP(host)
  return family !== 0 && listOf(ranges).check(host, family === 4 ? 'ipv4' : 'ipv6')
}

function listOf(ranges: readonly string[]): BlockList {
  const key = ranges.join()
  const known = lists.get(key)
  if (known !== undefined) return known
  const list = new BlockList()
  for (const [network = '', prefix] of ranges.map((range) => range.split('/'))) {
    list.addSubnet(network, Number(prefix), isIP(network) === 4 ? 'ipv4' : 'ipv6')
  }
  lists.set(key, list)
  return list
}
