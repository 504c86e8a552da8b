/** What of an answer the client looks at. */
export interface Answer extends Pick<Response, 'ok' | 'status' | 'body' | 'text'> {
  readonly headers: Pick<Headers, 'get'>
}

/** Like the function of the platform, of which nothing else is needed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Answer>

/** Opens a WebSocket. `authorization` is what the header of this name should say. */
export type OpenSocket = (url: string, authorization: string | undefined) => WebSocket

/** The world as the client sees it. Each part can be replaced, as tests do. */
export interface Platform {
  readonly fetch: Fetch
  readonly openSocket: OpenSocket
  /** A number in [0, 1), for jitter. */
  readonly random: () => number
  /** `length` unpredictable bytes, for idempotency keys. */
  readonly randomBytes: (length: number) => Uint8Array
  /** Milliseconds from some fixed moment. */
  readonly now: () => number
  /** Calls `action` once after `delay` milliseconds; gives what cancels that. */
  readonly after: (delay: number, action: () => void) => () => void
  /** Can `fetch` send a body while it is being made? Browsers can only over HTTP/2, which a node does not speak. */
  readonly streamsBodies: boolean
}

/** What Node, Deno, Bun, and every browser have. */
export function platformOf(parts: Partial<Platform> = {}): Platform {
  return {
    fetch: (url, init) => fetch(url, init),
    openSocket: isBrowser() ? openBrowserSocket : openSocketWithHeader,
    random: () => Math.random(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    now: () => performance.now(),
    after(delay, action) {
      const timer = setTimeout(action, delay)
      return () => clearTimeout(timer)
    },
    streamsBodies: !isBrowser(),
    ...parts,
  }
}

/** A window, or a worker of one. */
const isBrowser = (): boolean => 'document' in globalThis || 'WorkerGlobalScope' in globalThis

/** Node's WebSocket takes headers where the standard has protocols. */
const openSocketWithHeader: OpenSocket = (url, authorization) => {
  const Socket = WebSocket as unknown as new (url: string, options?: object) => WebSocket
  return authorization === undefined ? new Socket(url) : new Socket(url, { headers: { authorization } })
}

/** A page cannot set headers of a WebSocket, only name protocols; the server answers with the first. */
const openBrowserSocket: OpenSocket = (url, authorization) => {
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  return token === undefined ? new WebSocket(url) : new WebSocket(url, ['bacalhau.logs', `bacalhau.bearer.${token}`])
}

/** Waits `delay` milliseconds; rejects with the signal's reason when it aborts before. */
export function sleep(platform: Platform, delay: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel()
      reject(reasonOf(signal))
    }
    const cancel = platform.after(delay, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error(String(reason))
}
