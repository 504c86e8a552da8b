import http, { type ClientRequest, type RequestOptions } from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { LIMITS } from '../../../runtime/limits.ts'
import type { AddressRules } from '../../../sources/outbound/address-rules.ts'
import type { Resolve } from '../../../sources/outbound/outbound.ts'
import { HttpRefusal } from './wish.ts'

/** The one connection that a job has at a time, kept open while it talks to the same server. */
export interface Connection {
  /** Begins a request. `fresh`: not over a connection that the server may be closing just now. */
  request(url: URL, fresh: boolean, options: RequestOptions): ClientRequest
  close(): void
}

export interface Reach {
  readonly rules: AddressRules
  readonly resolve: Resolve
}

export function createConnection(reach: Reach): Connection {
  let origin: string | undefined
  let agent: http.Agent | undefined
  const lookup = guarded(reach)
  const close = () => agent?.destroy()
  return {
    request(url, fresh, options) {
      const address = url.hostname.replace(/^\[(.*)\]$/, '$1')
      if (isIP(address) !== 0) checkAddress(address, reach)
      const protocol = url.protocol === 'https:' ? https : http
      if (agent === undefined || fresh || origin !== url.origin) {
        close()
        // Not the agent of the process: that one may speak to a proxy of the node's own, with its credentials.
        agent = new protocol.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: true })
        origin = url.origin
      }
      return protocol.request(url, { ...options, agent, lookup, maxHeaderSize: LIMITS.wasmHttpHeaderBytes })
    },
    close,
  }
}

/** Looks a name up when a connection is made, and lets it be made only to addresses that were checked. */
function guarded(reach: Reach): LookupFunction {
  const find = callbackify(async (name: string) => {
    const addresses = await reach.resolve(name)
    for (const { address } of addresses) checkAddress(address, reach)
    const [first] = addresses
    if (first === undefined) throw new HttpRefusal('networkError', `${name} has no address`)
    return { first, addresses }
  })
  return (name, { all }, done) =>
    find(name, (error, found) => {
      if (error !== null) done(error, [])
      else if (all === true) done(null, [...found.addresses])
      else done(null, found.first.address, found.first.family)
    })
}

function checkAddress(address: string, { rules }: Reach): void {
  if (!rules.permit(address)) throw new HttpRefusal('notAllowed', `${address} is none that jobs may reach`)
}
