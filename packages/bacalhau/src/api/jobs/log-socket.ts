import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import type { LogPlace, LogQuery } from '../../orchestrator/service.ts'
import { abortable } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { turn } from '../../runtime/turn.ts'
import type { Guard } from '../auth/guard.ts'
import type { Api } from '../context.ts'
import { notFound, toFailure } from '../http/failure.ts'
import { checkQuery, queryCount, queryFlag, queryNumber, queryText } from '../http/query.ts'
import { answerOnSocket } from '../http/raw-answer.ts'
import { readVersion } from './history.ts'
import { createFramer, encodeError } from './log-frames.ts'
import { requireOrchestrator } from './orchestrator.ts'

const LOGS_PATH = /^\/api\/v1\/orchestrator\/jobs\/([^/]+)\/logs$/
/** What browsers that have a token offer. */
const PROTOCOL = 'bacalhau.logs'
/** Close codes of RFC 6455: the work is done; the server goes away. */
const NORMAL = 1000
const GOING_AWAY = 1001
/** Readers have nothing to say. */
const MAX_INCOMING = 1_024

export const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket'

/** Serves the log sockets of `server` and gives what closes them all. */
export function serveLogs(server: Server, api: Api, guard: Guard): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_INCOMING,
    perMessageDeflate: false,
    // Browsers offer their token as a protocol, too, which is not to be repeated.
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  })
  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    await guard.admit(request, 'read:job')
    const url = parseUrl(request)
    const id = LOGS_PATH.exec(url?.pathname ?? '')?.[1]
    if (url === undefined || id === undefined) throw notFound()
    sockets.handleUpgrade(
      request,
      socket,
      head,
      (reader) => void serveReader(reader, { id, parameters: url.searchParams, request }, api),
    )
  }
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    accept(request, socket, head).catch((error: unknown) => answerOnSocket(socket, toFailure(error)))
  })
  return () => {
    for (const reader of sockets.clients) {
      reader.close(GOING_AWAY)
      reader.terminate()
    }
  }
}

/** Whose logs are to be read, and who asks. */
interface Wanted {
  readonly id: string
  readonly parameters: URLSearchParams
  readonly request: IncomingMessage
}

function parseUrl({ url = '' }: IncomingMessage): URL | undefined {
  return URL.canParse(url, 'http://node') ? new URL(url, 'http://node') : undefined
}

/** The connection stands before anything is checked: problems are told inside of it, as the documented API does. */
async function serveReader(reader: WebSocket, wanted: Wanted, api: Api): Promise<void> {
  const gone = new AbortController()
  reader.once('close', () => gone.abort())
  reader.on('error', () => reader.terminate())
  const stopPinging = keepAlive(reader, api.clock)
  try {
    await pump(reader, wanted, api, gone.signal)
    reader.close(NORMAL)
  } catch (error) {
    if (gone.signal.aborted) return
    const failure = toFailure(error)
    if (failure.Code === 'InternalError') api.logger.error({ error }, 'log stream failed')
    reader.send(encodeError(failure.Message))
    reader.close(NORMAL)
  } finally {
    stopPinging()
  }
}

async function pump(reader: WebSocket, { id, parameters, request }: Wanted, api: Api, signal: AbortSignal) {
  const { namespace, ...query } = readLogQuery(parameters)
  const chunks = requireOrchestrator(api, request).logs(decodeName(id), query, signal, namespace)
  const framer = createFramer()
  let sent = 0
  const sendAll = async (frames: readonly string[]) => {
    for (const frame of frames) {
      await send(reader, frame, signal)
      sent += frame.length
      if (sent < LIMITS.logBacklog) continue
      // Output that is there already would come without end, and nothing else would get its turn.
      sent = 0
      await turn()
    }
  }
  for await (const chunk of chunks) await sendAll(framer.frames(chunk))
  await sendAll(framer.end())
}

function decodeName(escaped: string): string {
  try {
    return decodeURIComponent(escaped)
  } catch {
    throw new BacalhauError('BadRequest', `'${escaped}' in the address is not a valid name`)
  }
}

/** What readers of a log may choose. */
export const logQuery = z.object({
  namespace: queryText(255),
  execution_id: queryText(),
  follow: queryFlag(),
  tail: queryFlag(),
  job_version: queryNumber(),
  all_job_versions: queryFlag(),
  lines: queryCount(),
  offset: queryText(40).refine((value) => value === undefined || PLACE.test(value), 'must be bytes, or bytes,bytes'),
})

/** Bytes of both streams, or of standard output and of standard error. */
const PLACE = /^(\d{1,15})(?:,(\d{1,15}))?$/

function readPlace(written: string): LogPlace {
  const [, stdout = '0', stderr = stdout] = PLACE.exec(written) ?? []
  return { stdout: Number(stdout), stderr: Number(stderr) }
}

function readLogQuery(parameters: URLSearchParams): LogQuery & { namespace: string | undefined } {
  const values = [...new Set(parameters.keys())].map((name) => {
    const all = parameters.getAll(name)
    return [name, all.length === 1 ? all[0] : all] as const
  })
  const query = checkQuery(Object.fromEntries(values), logQuery)
  const { execution_id: executionId, follow, tail, lines, offset, namespace } = query
  const version = readVersion(query)
  return {
    follow,
    tail,
    ...(executionId === undefined ? {} : { executionId }),
    ...(version === undefined ? {} : { version }),
    ...(lines === undefined ? {} : { lines }),
    ...(offset === undefined ? {} : { offset: readPlace(offset) }),
    namespace,
  }
}

/** Resolves at once while little waits for the reader, else when this frame is on its way. */
async function send(reader: WebSocket, frame: string, signal: AbortSignal): Promise<void> {
  const sent = new Promise<void>((resolve) => reader.send(frame, () => resolve()))
  if (reader.bufferedAmount > LIMITS.logBacklog) await abortable(sent, signal)
}

/** Cuts off a reader that is silently gone, or that reads nothing for a whole period. */
function keepAlive(reader: WebSocket, clock: Clock): () => void {
  let alive = true
  reader.on('pong', () => (alive = true))
  const beat = () => {
    if (!alive) return reader.terminate()
    alive = false
    reader.ping()
    timer = clock.after(LIMITS.logPing, beat)
  }
  let timer = clock.after(LIMITS.logPing, beat)
  return () => timer.cancel()
}
