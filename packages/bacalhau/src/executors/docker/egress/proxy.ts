import type { LookupAddress } from 'node:dns'
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { connect, type LookupFunction, type Socket } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { type Clock, sleep } from '../../../runtime/clock.ts'
import { isBacalhauError, messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Outbound } from '../../../sources/outbound/outbound.ts'
import type { HostRule } from '../../wasm/http/domains.ts'
import { createTurns, type Turns } from '../../wasm/http/turns.ts'
import { forwarded } from './headers.ts'
import { plainTarget, portOf, Refusal, tunnelTarget } from './target.ts'

export interface ProxyOptions {
  readonly jobId: string
  readonly isAllowed: HostRule
  readonly outbound: Outbound
  /** Names that may be looked up at the same time by all jobs: each takes a thread that the rest of the node needs, too. */
  readonly lookups: Turns
  readonly clock: Clock
  /** Aborts with the end of the job. */
  readonly signal: AbortSignal
  /** Told what became of each request: undefined when it was let through. */
  readonly onRequest: (refusal: Refusal | undefined, host: string) => void
}

type Context = ProxyOptions & { readonly turn: Turns }

/** An HTTP proxy for one job: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6 and absolute addresses. */
export interface Proxy {
  /** Takes a connection of the job. */
  accept(connection: Duplex): void
}

export function createProxy(options: ProxyOptions): Proxy {
  const server = createServer({ maxHeaderSize: LIMITS.egressHeaders, requireHostHeader: false })
  // Some programs say that they have no more to ask before they hear the answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  // One at a time, so that a job with a name that takes long to look up does not hold up the others.
  const context = { ...options, turn: createTurns(1) }
  server.on('request', (request, reply) => void plain(request, reply, context))
  server.on('connect', (request, near, head) => void tunnel(request, near, head, context))
  server.on('clientError', (_error, near) => near.destroy())
  return { accept: (connection) => void server.emit('connection', connection) }
}

/** The addresses of a target, checked: a name that leads elsewhere a moment later gains nothing, it is not looked up again. */
async function reach(target: URL, options: Context): Promise<readonly LookupAddress[]> {
  const { outbound, lookups, turn, signal, onRequest } = options
  try {
    const leave = await turn.take(signal)
    const looking = lookups.take(signal).then((giveBack) => outbound.addressesOf(target.hostname).finally(giveBack))
    const addresses = await looking.finally(leave)
    onRequest(undefined, target.hostname)
    return addresses
  } catch (error) {
    if (!isBacalhauError(error)) throw new Refusal(502, `${target.hostname} was not found`, error)
    throw new Refusal(403, `${target.hostname} is at an address that jobs may not reach`, error)
  }
}

const fixed =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_name, { all }, done) => {
    const [first] = addresses
    if (all === true) done(null, [...addresses])
    else if (first !== undefined) done(null, first.address, first.family)
  }

const bare = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, '$1')

async function plain(request: IncomingMessage, reply: ServerResponse, options: Context): Promise<void> {
  try {
    const target = plainTarget(request.url ?? '', options.isAllowed)
    const addresses = await reach(target, options)
    await exchange(request, reply, { target, addresses }, options)
  } catch (error) {
    const { status, message } = refusalOf(error, request, options)
    if (reply.headersSent) return void reply.destroy()
    // What is left of the request is not waited for.
    reply
      .writeHead(status, 'Refused', { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
      .end(`${message}\n`)
  }
}

interface Way {
  readonly target: URL
  readonly addresses: readonly LookupAddress[]
}

function exchange(
  request: IncomingMessage,
  reply: ServerResponse,
  { target, addresses }: Way,
  { jobId, signal, clock }: ProxyOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onward = httpRequest({
    host: bare(target),
    port: portOf(target),
    path: `${target.pathname}${target.search}`,
    method: request.method ?? 'GET',
    headers: ['Host', target.host, ...forwarded(request), ...framing(request), 'X-Bacalhau-Job-ID', jobId],
    lookup: fixed(addresses),
    agent: false,
    signal,
    maxHeaderSize: LIMITS.egressHeaders,
  })
  onward.on('socket', (socket) => giveUp(socket, clock))
  onward.on('error', reject)
  // One that turns into something else than HTTP has no answer.
  onward.on('upgrade', (_answer, socket) => socket.destroy())
  let answered = false
  onward.on('close', () => {
    if (!answered) reject(new Error('the connection was closed'))
  })
  onward.on('response', (answer) => {
    answered = true
    try {
      // Without the server's own words for its status: they may hold anything, and nobody needs them.
      reply.writeHead(answer.statusCode ?? 502, forwarded(answer))
      pipeline(answer, reply, (error) => (error ? reject(error) : resolve()))
    } catch (error) {
      // A status or a header that no server may send.
      onward.destroy()
      reject(error instanceof Error ? error : new Error('no answer'))
    }
  })
  // The job has gone.
  reply.on('close', () => onward.destroy())
  pipeline(request, onward, () => undefined)
  return promise
}

/** A body of unknown length comes in pieces again. For answers that is decided by what the other side understands. */
const framing = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked']

async function tunnel(request: IncomingMessage, near: Duplex, head: Buffer, options: Context): Promise<void> {
  near.on('error', () => undefined)
  try {
    const target = tunnelTarget(request.url ?? '', options.isAllowed)
    const far = await open({ target, addresses: await reach(target, options) }, options)
    near.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) far.write(head)
    join(near, far)
  } catch (error) {
    const { status, message } = refusalOf(error, request, options)
    const lines = [`HTTP/1.1 ${status} Refused`, 'Content-Type: text/plain; charset=utf-8', 'Connection: close']
    near.end(`${lines.join('\r\n')}\r\n\r\n${message}\n`)
  }
}

function open({ target, addresses }: Way, { clock, signal }: ProxyOptions): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const far = connect({
    host: bare(target),
    port: portOf(target),
    lookup: fixed(addresses),
    allowHalfOpen: true,
    signal,
  })
  giveUp(far, clock)
  far.once('connect', () => resolve(far))
  far.on('error', reject)
  return promise
}

/** Carries bytes both ways; each side may end before the other. */
function join(near: Duplex, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => {
      if (!from.readableEnded) to.destroy()
    })
    from.pipe(to)
  }
}

/** A server that does not even take the connection is not waited for as long as the system would. */
function giveUp(socket: Socket, clock: Clock): void {
  const reached = new AbortController()
  socket.once('connect', () => reached.abort()).once('close', () => reached.abort())
  void sleep(clock, LIMITS.egressConnect, reached.signal).then(
    () => socket.destroy(new Refusal(504, 'the server does not answer')),
    () => undefined,
  )
}

function refusalOf(error: unknown, { url = '' }: IncomingMessage, { onRequest }: ProxyOptions): Refusal {
  const refusal = error instanceof Refusal ? error : new Refusal(502, `no answer: ${messageOf(error)}`, error)
  onRequest(refusal, url.slice(0, 300))
  return refusal
}
