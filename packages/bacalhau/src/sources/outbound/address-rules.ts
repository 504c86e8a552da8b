import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { BacalhauError } from '../../runtime/error.ts'

/** Which addresses this node connects to on behalf of a job. */
export interface AddressRules {
  /** May a job make this node connect to `address`, an IP address without brackets? */
  permit(address: string): boolean
}

/**
 * IPv4 addresses that are not on the public internet, as IANA's registry of special-purpose addresses lists them, and the
 * one public address at which Azure serves secrets to its machines.
 */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
]

/** Of IPv6 only global unicast is public, and of that not what stands for IPv4 addresses (Teredo, 6to4) or for examples. */
const GLOBAL_IPV6 = ['2000::/3']
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const SPECIAL = listOf(SPECIAL_IPV4)
const GLOBAL = listOf(GLOBAL_IPV6)
const RESERVED = listOf(SPECIAL_IPV6)

/**
 * Public addresses, less those of this machine, behind which are services that a firewall may keep from everybody else; and what
 * the operator grants: addresses and ranges (`10.1.2.3`, `10.0.0.0/8`, `fd00::/8`). Throws `ConfigurationError` for an entry that
 * is neither.
 */
export function createAddressRules(
  granted: readonly string[],
  own: () => readonly string[] = ownAddresses,
): AddressRules {
  const allowed = listOf(granted)
  return {
    permit(address) {
      // A zone (fe80::1%eth0) names an interface of this machine, which is nobody's business.
      if (isIP(address) === 0 || address.includes('%')) return false
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      if (allowed.check(address, family)) return true
      // They may change while the node runs.
      if (listOf(own()).check(address, family)) return false
      if (isIPv4(address)) return !SPECIAL.check(address)
      return GLOBAL.check(address, 'ipv6') && !RESERVED.check(address, 'ipv6')
    },
  }
}

/** IP addresses of this machine. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address.replace(/%.*/, '')))

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address, length] = parseRange(range) ?? []
    if (address === undefined || length === undefined) throw noRange(range)
    list.addSubnet(address, length, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Is it an address, or a range like `10.0.0.0/8`? */
export const isAddressRange = (text: string): boolean => parseRange(text) !== undefined

/** The address, and how many of its bits count; undefined for what is none. */
function parseRange(range: string): readonly [string, number] | undefined {
  const [address = '', bits, ...rest] = range.split('/')
  const longest = isIPv6(address) ? 128 : 32
  const length = bits === undefined ? longest : Number(bits)
  const wellFormed = isIP(address) !== 0 && !address.includes('%') && rest.length === 0 && /^\d*$/.test(bits ?? '')
  return wellFormed && bits !== '' && length <= longest ? [address, length] : undefined
}

const noRange = (range: string): BacalhauError =>
  new BacalhauError('ConfigurationError', `"${range}" is neither an address nor a range of addresses.`, {
    hint: 'Write it like 10.1.2.3, 10.0.0.0/8 or fd00::/8.',
  })
