import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { type AddressRules, createAddressRules } from './address-rules.ts'

/** All addresses of a name. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>

/** How this node reaches what jobs name: no name leads it to an address that the rules refuse. */
export interface Outbound {
  /**
   * The addresses of a host as a URL writes it. Throws `InputFailed` when one of them is refused, and any other error when there
   * are none, which may be different soon.
   */
  addressesOf(hostname: string): Promise<readonly LookupAddress[]>
}

export const systemResolve: Resolve = (name) => lookup(name, { all: true })

/** `granted`: addresses and ranges that the operator allows besides the public ones. */
export function createOutbound(granted: readonly string[], resolve: Resolve = systemResolve): Outbound {
  const rules = createAddressRules(granted)
  return {
    async addressesOf(hostname) {
      const literal = hostname.replace(/^\[(.*)\]$/, '$1')
      const family = isIP(literal)
      const addresses = family === 0 ? await resolved(literal, resolve) : [{ address: literal, family }]
      check(hostname, addresses, rules)
      return addresses
    },
  }
}

async function resolved(name: string, resolve: Resolve): Promise<readonly LookupAddress[]> {
  try {
    const addresses = await resolve(name)
    if (addresses.length > 0) return addresses
  } catch (cause) {
    throw new Error(`the host ${name} was not found: ${messageOf(cause)}`, { cause })
  }
  throw new Error(`the host ${name} has no address`)
}

/** One address that is refused is enough: a name that is public and private at once is made to lead somebody astray. */
function check(hostname: string, addresses: readonly LookupAddress[], rules: AddressRules): void {
  if (addresses.every(({ address }) => rules.permit(address))) return
  // Which address it is stays unsaid, so that a job does not learn the names of a private network.
  throw new BacalhauError(
    'InputFailed',
    `the host ${hostname} is at an address that jobs may not reach from this node`,
    {
      hint: 'The operator of the node grants private addresses with InputSources.AllowedAddresses.',
    },
  )
}
