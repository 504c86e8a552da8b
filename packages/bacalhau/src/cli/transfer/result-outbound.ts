import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import { ownAddresses } from '../../sources/outbound/address-rules.ts'
import { createOutbound, type Outbound, type Resolve, systemResolve } from '../../sources/outbound/outbound.ts'

/** Of networks that the user is in, where the nodes that serve results may be as well. */
const NEIGHBOURS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
const LOOPBACK = ['127.0.0.0/8', '::1']

/**
 * How results are fetched from the URL at which a compute node says they are: it may say anything, and must not make the user's
 * machine call services of its own, or those that a cloud shows to its machines only. Services on this machine are called where
 * `node`, the URL of the node that was asked, is on it, too. Redirects obey the same rules.
 */
export function createResultOutbound(node: string | undefined, resolve: Resolve = systemResolve): Outbound {
  const isHere = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(node === undefined ? '' : new URL(node).hostname)
  const outbound = createOutbound([...NEIGHBOURS, ...(isHere ? [...LOOPBACK, ...ownAddresses()] : [])], resolve)
  return {
    async addressesOf(hostname) {
      try {
        return await outbound.addressesOf(hostname)
      } catch (error) {
        if (!isBacalhauError(error)) throw error
        throw new BacalhauError(
          'Forbidden',
          `the results are said to be at ${hostname}, which is nobody else's place`,
          {
            hint: 'Such an address means this very machine, or what only this machine can see. If you trust the compute node, fetch them yourself: `bacalhau job describe` says where they are.',
            cause: error,
          },
        )
      }
    },
  }
}
