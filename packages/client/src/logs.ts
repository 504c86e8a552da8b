import type { LogFrame } from '@bacalhau/models'
import { ApiError } from './api-error.ts'
import { shaped } from './shape.ts'
import type { Transport } from './transport.ts'

export interface LogOptions {
  /** Go on with new output until the execution ends. */
  readonly follow?: boolean
  /** Only output from now on. */
  readonly tail?: boolean
  /** One execution; else the newest one of the job. */
  readonly executionId?: string
  readonly namespace?: string
  readonly signal?: AbortSignal
}

/** A piece of output. Not always a whole line, but always whole characters. */
export interface LogPart {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** Opens a WebSocket; in Node also with headers, which browsers do not allow. */
export type OpenSocket = (url: string, headers: Readonly<Record<string, string>>) => WebSocket

/** Node's WebSocket takes headers where the standard has protocols. */
export const openSocket: OpenSocket = (url, headers) =>
  Object.keys(headers).length === 0 ? new WebSocket(url) : new WebSocket(url, { headers })

const NORMAL = 1000

interface End {
  readonly code: number
}

/** Reads the output of a job over a WebSocket. Ends the connection when the reader leaves. */
export async function* readLogs(
  transport: Transport,
  open: OpenSocket,
  id: string,
  { follow, tail, executionId, namespace, signal }: LogOptions,
): AsyncGenerator<LogPart> {
  signal?.throwIfAborted()
  const job = `/api/v1/orchestrator/jobs/${encodeURIComponent(id)}`
  const query = { follow, tail, execution_id: executionId, namespace }
  const url = transport.url(`${job}/logs`, query).replace(/^http/, 'ws')
  const socket = open(url, transport.token === undefined ? {} : { authorization: `Bearer ${transport.token}` })
  const inbox = createInbox(socket)
  // Closing takes the other side's consent; the reader need not wait for that.
  const onAbort = () => inbox.put({ code: NORMAL })
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      const item = await inbox.next()
      signal?.throwIfAborted()
      if ('value' in item) yield toPart(item)
      else if (item.code === NORMAL) return
      // A refused handshake tells a WebSocket nothing; an ordinary question gets the reason.
      else throw await diagnose(transport, job, item.code, signal)
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    socket.close()
  }
}

function createInbox(socket: WebSocket) {
  const waiting: (LogFrame | End)[] = []
  let wake = () => {}
  const put = (item: LogFrame | End) => {
    waiting.push(item)
    wake()
  }
  socket.addEventListener('message', ({ data }) => put(parseFrame(data)))
  socket.addEventListener('close', ({ code }) => put({ code }))
  return {
    put,
    async next(): Promise<LogFrame | End> {
      for (;;) {
        const item = waiting.shift()
        if (item !== undefined) return item
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

const frame = shaped<LogFrame>({ value: 'object' })

function parseFrame(data: unknown): LogFrame {
  try {
    return frame(JSON.parse(String(data)))
  } catch {
    return { error: 'the server sent something that is no log', value: { Type: 0, Line: '' } }
  }
}

function toPart({ error, value }: LogFrame): LogPart {
  if (error !== undefined) throw new ApiError(0, 'LogsFailed', error)
  return { stream: value.Type === 2 ? 'stderr' : 'stdout', text: value.Line }
}

async function diagnose(
  transport: Transport,
  job: string,
  code: number,
  signal: AbortSignal | undefined,
): Promise<ApiError> {
  try {
    await transport.send('GET', job, { signal })
  } catch (error) {
    if (error instanceof ApiError) return error
  }
  return new ApiError(0, 'LogsFailed', `the log stream broke off (code ${code})`, { hint: 'Ask for the logs again.' })
}
