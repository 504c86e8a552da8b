import { validateHeaderName, validateHeaderValue } from 'node:http'
import { LIMITS } from '../../../runtime/limits.ts'
import type { HostRule } from './domains.ts'
import { HTTP_RESULT, type HttpResult, type HttpWish } from './messages.ts'

/** Ends an exchange with what the module gets to hear. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'
  readonly result: HttpResult

  constructor(result: keyof typeof HTTP_RESULT, message: string) {
    super(message)
    this.result = HTTP_RESULT[result]
  }
}

export type Headers = readonly (readonly [name: string, value: string])[]

/** What is between two machines, not between two programs, and what the node says itself. It is left out, as browsers do. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The headers of a wish. Throws `HttpRefusal` for what is none. */
export function headersOf({ headers }: Pick<HttpWish, 'headers'>): Headers {
  const lines = headers.split('\n').filter((line) => line.trim() !== '')
  if (lines.length > LIMITS.wasmHttpHeaders) throw new HttpRefusal('badInput', 'too many headers')
  return lines.map(parseLine).filter(([name]) => !RESERVED.has(name.toLowerCase()) && !/^proxy-/i.test(name))
}

function parseLine(line: string): [string, string] {
  const colon = line.indexOf(':')
  const [name, value] = [line.slice(0, Math.max(colon, 0)).trim(), line.slice(colon + 1).trim()]
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new HttpRefusal('badInput', cause instanceof Error ? cause.message : 'not a header')
  }
  return [name, value]
}

/** Where a wish goes. Throws `HttpRefusal` for what is no web address, or none that the job may reach. */
export function targetOf(url: string, isAllowed: HostRule, base?: URL): URL {
  const target = URL.canParse(url, base) ? new URL(url, base) : undefined
  if (target === undefined || !['http:', 'https:'].includes(target.protocol))
    throw new HttpRefusal('invalidUrl', 'not a web address')
  if (!isAllowed(target.hostname))
    throw new HttpRefusal('notAllowed', `${target.hostname} is none of the job's domains`)
  // Below 1024 are the services of the net that are no web servers, of which some can be talked into something by HTTP.
  const port = Number(target.port || 80)
  if (port < 1024 && port !== 80 && port !== 443) throw new HttpRefusal('notAllowed', `port ${port} is not for the web`)
  target.hash = ''
  return target
}
