import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../runtime/error.ts'

/**
 * The RPC of a Kubo (https://docs.ipfs.tech/reference/kubo/rpc/), which the operator of this node has named. Its answers are
 * not trusted: whoever uses them checks each block.
 */
export interface KuboRpc {
  /** For messages: where it is. */
  readonly place: string
  /**
   * Calls one command. Resolves when the answer begins; reading it fails when nothing comes for `silence` milliseconds, or when the
   * Kubo says so at its end. Throws `PeerUnreachable`.
   */
  call(
    command: string,
    args: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<AsyncGenerator<Uint8Array>>
}

export interface CallOptions {
  readonly signal: AbortSignal
  /** Sent as the one file of a form. */
  readonly file?: Readable
}

export interface KuboOptions {
  readonly endpoint: string
  readonly clock: Clock
  /** Milliseconds without a byte after which a call is given up. Looking for content in the public network takes its time. */
  readonly silence: number
}

export function createKuboRpc({ endpoint, clock, silence }: KuboOptions): KuboRpc {
  const base = kuboUrl(endpoint)
  return {
    place: base.host,
    async call(command, args, { signal, file }) {
      const url = new URL(`${base.pathname.replace(/\/+$/, '')}/api/v0/${command}`, base)
      url.search = new URLSearchParams(args).toString()
      const late = new AbortController()
      const either = AbortSignal.any([signal, late.signal])
      const wait = () =>
        clock.after(silence, () => late.abort(new Error(`nothing came for ${silence / 1_000} seconds`)))
      let timer = wait()
      const touch = () => {
        timer.cancel()
        timer = wait()
      }
      try {
        const response = await send(url, either, touch, file)
        touch()
        return await answerOf(response, { signal: either, touch, end: () => timer.cancel() })
      } catch (error) {
        timer.cancel()
        signal.throwIfAborted()
        throw unreachable(late.signal.aborted ? late.signal.reason : error)
      }
    },
  }
}

const unreachable = (error: unknown): BacalhauError =>
  new BacalhauError('PeerUnreachable', messageOf(error), { cause: error })

/** A call under way. */
interface Watch {
  /** Aborts when nobody wants it any more, or nothing has come for too long. */
  readonly signal: AbortSignal
  readonly touch: () => void
  readonly end: () => void
}

/**
 * The URL of an RPC: `http://127.0.0.1:5001`, or a multiaddr like `/ip4/127.0.0.1/tcp/5001` or `/dns4/host/tcp/443/https`. Throws
 * `ConfigurationError`.
 */
export function kuboUrl(endpoint: string): URL {
  const [, kind, host = '', port, secure] =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(?:\/(http|https|tls\/http))?\/?$/.exec(endpoint.trim()) ?? []
  const scheme = secure === undefined || secure === 'http' ? 'http' : 'https'
  const text = kind === undefined ? endpoint.trim() : `${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url
  throw new BacalhauError('ConfigurationError', `"${endpoint.slice(0, 300)}" is not the address of a Kubo's RPC`, {
    hint: 'Write it like http://127.0.0.1:5001 or /ip4/127.0.0.1/tcp/5001.',
  })
}

const BOUNDARY = 'bacalhau-car-3f9c1d'

/** Every command is a POST, so that no web page can call it by a link. */
function send(url: URL, signal: AbortSignal, touch: () => void, file: Readable | undefined): Promise<IncomingMessage> {
  const begin = url.protocol === 'https:' ? requestHttps : requestHttp
  const headers = file === undefined ? {} : { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  return new Promise((resolve, reject) => {
    const request = begin(url, {
      method: 'POST',
      headers: { 'user-agent': 'bacalhau', ...headers },
      agent: false,
      signal,
    })
    request.on('response', resolve).on('error', reject)
    if (file === undefined) request.end()
    else pipeline(formOf(file, touch), request).catch(reject)
  })
}

async function* formOf(file: AsyncIterable<Uint8Array>, touch: () => void): AsyncGenerator<Uint8Array> {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="file"\r\ncontent-type: application/octet-stream\r\n\r\n`
  yield Buffer.from(head)
  for await (const chunk of file) {
    touch()
    yield chunk
  }
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
}

/** The body of a good answer, or the reason of a bad one. */
async function answerOf(response: IncomingMessage, watch: Watch): Promise<AsyncGenerator<Uint8Array>> {
  if (response.statusCode === 200) return bodyOf(response, watch)
  let text = ''
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.length > 4_096) break
  }
  throw new Error(/"Message":"((?:[^"\\]|\\.){1,500})/.exec(text)?.[1] ?? `it answers ${response.statusCode}`)
}

async function* bodyOf(response: IncomingMessage, { signal, touch, end }: Watch): AsyncGenerator<Uint8Array> {
  const stop = () => response.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      touch()
      yield chunk
    }
    // What goes wrong in the middle of an answer is said at its end.
    const problem = response.trailers['x-stream-error']
    if (problem !== undefined) throw new Error(problem.slice(0, 500))
  } catch (error) {
    throw unreachable(signal.aborted ? signal.reason : error)
  } finally {
    end()
    signal.removeEventListener('abort', stop)
    response.destroy()
  }
}
