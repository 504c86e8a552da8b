import type { LogFrame } from '@bacalhau/models'
import { shaped } from './shape.ts'
import type { Transport } from './transport.ts'

/** A piece of output. Not always a whole line, but always whole characters. */
export interface LogPart {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** How one connection to the log socket ended. */
export type LogEnd =
  /** The output is complete, or the reader's signal aborted. */
  | { readonly kind: 'complete' }
  /** The server says that it cannot go on. */
  | { readonly kind: 'error'; readonly message: string }
  /** Closed with another code than that of a normal end. */
  | { readonly kind: `code ${number}` }
  /** More came than the reader took. */
  | { readonly kind: 'overflow' }

const NORMAL = 1000
/** Characters that may wait for the reader. A WebSocket knows no backpressure: beyond them it is closed. */
const MOST_WAITING = 8 * 1024 * 1024

/** Reads what one connection gives, in order, and returns how it ended. `unbounded`: what waits for the reader may grow. */
export async function* readSocket(
  transport: Transport,
  url: string,
  unbounded: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogPart, LogEnd> {
  const socket = transport.platform.openSocket(url, transport.authorization)
  const inbox = createInbox(socket, unbounded ? Infinity : MOST_WAITING)
  // Closing takes the other side's consent; the reader need not wait for that.
  const onAbort = () => inbox.end({ kind: 'complete' })
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      const item = await inbox.next()
      if ('kind' in item || signal?.aborted === true) return 'kind' in item ? item : { kind: 'complete' }
      yield item
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    socket.close()
  }
}

function createInbox(socket: WebSocket, most: number) {
  const waiting: (LogPart | LogEnd)[] = []
  let characters = 0
  let ended = false
  let wake = () => {}
  const put = (item: LogPart | LogEnd) => {
    if (ended) return
    ended = 'kind' in item
    if ('text' in item) characters += item.text.length
    waiting.push(item)
    wake()
  }
  socket.addEventListener('message', ({ data }) => {
    put(parseFrame(data))
    if (characters > most) {
      put({ kind: 'overflow' })
      socket.close()
    }
  })
  socket.addEventListener('close', ({ code }) => put(code === NORMAL ? { kind: 'complete' } : { kind: `code ${code}` }))
  return {
    end: put,
    async next(): Promise<LogPart | LogEnd> {
      for (;;) {
        const item = waiting.shift()
        if (item !== undefined) {
          if ('text' in item) characters -= item.text.length
          return item
        }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

const frame = shaped<LogFrame>({ value: 'object' })

function parseFrame(data: unknown): LogPart | LogEnd {
  try {
    const { error, value } = frame(JSON.parse(String(data)))
    if (error !== undefined) return { kind: 'error', message: error }
    const text: unknown = value.Line
    if (typeof text !== 'string') throw new TypeError('no text')
    return { stream: value.Type === 2 ? 'stderr' : 'stdout', text }
  } catch {
    return { kind: 'error', message: 'the server sent something that is no log' }
  }
}
