import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Clock } from '../../../runtime/clock.ts'
import { messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { failure, RunEnded } from '../failure.ts'
import { createAccount } from './account.ts'
import { createConnection, type Reach } from './connection.ts'
import { hostRule } from './domains.ts'
import { exchange, type Waiting } from './exchange.ts'
import { type FromJob, HTTP_RESULT, type HttpResult, type HttpWish, type ToJob } from './messages.ts'
import { createTurns, type Turns } from './turns.ts'
import { HttpRefusal } from './wish.ts'

export interface HttpServiceOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly reach: Reach
}

/** A job's end of the line: the thread of the job sends through `port`, and sleeps on `flag` for the answer. */
export interface JobLine {
  readonly port: MessagePort
  /** One 32-bit flag: 1 when there may be something at the port. */
  readonly flag: SharedArrayBuffer
}

export interface OpenLine extends JobLine {
  /** Ends whatever is under way. */
  close(): void
}

/** Makes HTTP requests for jobs, outside of their threads. */
export interface HttpService {
  /** A line for one run, which reaches these domains. */
  open(domains: readonly string[]): OpenLine
}

export function createHttpService(options: HttpServiceOptions): HttpService {
  const turns = createTurns(LIMITS.wasmHttpAtOnce)
  return { open: (domains) => openLine(domains, { ...options, turns }) }
}

function openLine(domains: readonly string[], context: HttpServiceOptions & { turns: Turns }): OpenLine {
  const { clock, logger, reach, turns } = context
  const { port1, port2 } = new MessageChannel()
  const flag = new SharedArrayBuffer(4)
  const closed = new AbortController()
  const connection = createConnection(reach)
  const account = createAccount({ requests: LIMITS.wasmHttpRequests, bytes: LIMITS.wasmHttpBytes })
  const isAllowed = hostRule(domains)
  const send = (message: ToJob) => {
    if (closed.signal.aborted) return
    port1.postMessage(message)
    const view = new Int32Array(flag)
    Atomics.store(view, 0, 1)
    Atomics.notify(view, 0)
  }
  const thread = createThread(send)
  const handle = async (wish: HttpWish) => {
    const over = new AbortController()
    const timer = clock.after(LIMITS.wasmHttpTime, () => over.abort(new HttpRefusal('timeout', 'it took too long')))
    const signal = AbortSignal.any([over.signal, closed.signal])
    let result: ToJob
    try {
      account.request()
      const giveBack = await turns.take(signal)
      const exchanging = exchange(wish, thread, { connection, isAllowed, count: account.bytes, signal })
      result = { kind: 'done', result: await exchanging.finally(giveBack) }
    } catch (error) {
      const reason: unknown = over.signal.aborted ? over.signal.reason : error
      logger.debug({ error: messageOf(reason) }, 'a request of a job failed')
      result = reason instanceof RunEnded ? endOf(reason) : { kind: 'done', result: resultOf(reason) }
    }
    timer.cancel()
    // Nothing of this exchange may ask the thread for anything any more: it is told the end.
    over.abort()
    send(result)
  }
  port1.on('message', (message: FromJob) => {
    if (message.kind === 'request') void handle(message)
    else thread.reply(message)
  })
  return {
    port: port2,
    flag,
    close() {
      closed.abort()
      thread.close()
      connection.close()
      port1.close()
    },
  }
}

const resultOf = (reason: unknown): HttpResult =>
  reason instanceof HttpRefusal ? reason.result : HTTP_RESULT.networkError

function endOf({ ending }: RunEnded): ToJob {
  const unknown = failure('SandboxCrashed', 'the run ended in a request')
  return { kind: 'end', ending: ending.kind === 'failed' ? ending : unknown }
}

interface Thread extends Waiting {
  reply(message: Exclude<FromJob, HttpWish>): void
  close(): void
}

/** The thread of a job replies to what it is asked in the order in which it was asked. */
function createThread(send: (message: ToJob) => void): Thread {
  const asked: { resolve: (bytes: Uint8Array) => void; reject: (error: Error) => void }[] = []
  const ask = (message: ToJob) =>
    new Promise<Uint8Array>((resolve, reject) => {
      asked.push({ resolve, reject })
      send(message)
    })
  return {
    pull: (from, to) => ask({ kind: 'pull', from, to }),
    head: (status, headers) => send({ kind: 'head', status, headers }),
    chunk: async (bytes) => void (await ask({ kind: 'chunk', bytes })),
    reply: (message) => asked.shift()?.resolve(message.kind === 'piece' ? message.bytes : new Uint8Array()),
    close() {
      for (const { reject } of asked.splice(0)) reject(new Error('the run has ended'))
    },
  }
}
