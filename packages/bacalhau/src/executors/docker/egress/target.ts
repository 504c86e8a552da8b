import type { HostRule } from '../../wasm/http/domains.ts'

/** What a job gets to hear instead of an answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** HTTP status: 400 for what makes no sense, 403 for what the job may not reach, 502 and 504 for what could not be reached. */
  readonly status: 400 | 403 | 502 | 504

  constructor(status: Refusal['status'], message: string, cause?: unknown) {
    super(message, { cause })
    this.status = status
  }
}

/** Where a plain request goes: the whole address is in its first line, as for every proxy. Throws `Refusal`. */
export function plainTarget(line: string, isAllowed: HostRule): URL {
  const url = URL.canParse(line) ? new URL(line) : undefined
  if (url === undefined || url.protocol !== 'http:') {
    throw new Refusal(400, 'this is a proxy: it takes requests for http://… and CONNECT')
  }
  return checked(url, isAllowed)
}

/** Where a tunnel leads: `CONNECT name:port`. Throws `Refusal`. */
export function tunnelTarget(authority: string, isAllowed: HostRule): URL {
  const url = `https://${authority}`
  if (!/^[^\s/@?#\\]+:\d{1,5}$/.test(authority) || !URL.canParse(url)) {
    throw new Refusal(400, 'CONNECT takes a name and a port')
  }
  return checked(new URL(url), isAllowed)
}

export const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80))

function checked(url: URL, isAllowed: HostRule): URL {
  if (!isAllowed(url.hostname)) {
    throw new Refusal(403, `${url.hostname} is none of the Domains of this job's Network`)
  }
  // Below 1024 are the services of the net that are no web servers, of which some can be talked into something by HTTP.
  const port = portOf(url)
  if (port < 1024 && port !== 80 && port !== 443) throw new Refusal(403, `port ${port} is not for the web`)
  return url
}
