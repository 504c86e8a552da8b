import { type ClientRequest, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { withDeadline } from '../../../runtime/abort.ts'
import { messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { EngineAddress } from './address.ts'

/** The engine said no, or nothing that makes sense. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** HTTP status of the answer; 0 when none came. */
  readonly status: number

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
  }
}

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, bytes as they are. */
  readonly body?: object | Uint8Array
  readonly signal?: AbortSignal | undefined
}

const errorSchema = z.object({ message: z.string() })

/**
 * Makes one call and resolves with its answer, of which the body is still to be read. Rejects with an `EngineError` when the
 * engine refuses, or is not there. Engine API: https://docs.docker.com/reference/api/engine/
 */
export async function open(address: EngineAddress, call: Call): Promise<IncomingMessage> {
  const sent = begin(address, call)
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  sent.on('response', resolve).on('error', reject)
  send(sent, call)
  const answer = await promise.catch((error: unknown) => {
    throw unreachable(address, error, call.signal)
  })
  return accept(answer)
}

/** The same for a call that turns the connection into a stream of its own. */
export async function hijack(address: EngineAddress, call: Call): Promise<Readable> {
  const sent = begin(address, { ...call, headers: { ...call.headers, Connection: 'Upgrade', Upgrade: 'tcp' } })
  const { promise, resolve, reject } = Promise.withResolvers<Readable>()
  sent.on('upgrade', (_answer, socket, head) => {
    if (head.length > 0) socket.unshift(head)
    // From here on the connection is nobody's but the reader's.
    call.signal?.addEventListener('abort', () => socket.destroy(), { once: true })
    socket.on('error', () => undefined)
    resolve(socket)
  })
  // An engine that does not upgrade refuses, or sends the stream as an endless body.
  sent.on('response', (answer) => void accept(answer).then(resolve, reject))
  sent.on('error', (error) => reject(unreachable(address, error, call.signal)))
  send(sent, call)
  return promise
}

/** Makes a call that answers soon, and reads its body, which is JSON. */
export async function ask<T>(address: EngineAddress, call: Call, schema: z.ZodType<T>): Promise<T> {
  const signal = withDeadline(call.signal, LIMITS.engineAnswer)
  const answer = await open(address, { ...call, signal })
  const text = await readText(answer, LIMITS.engineDocument).catch((error: unknown) => {
    if (error instanceof EngineError) throw error
    throw unreachable(address, error, call.signal)
  })
  return parseAnswer(text, schema, call.path)
}

/** Makes a call of which the answer says nothing. */
export async function tell(address: EngineAddress, call: Call): Promise<void> {
  const answer = await open(address, { ...call, signal: withDeadline(call.signal, LIMITS.engineAnswer) })
  await readText(answer, LIMITS.engineDocument)
}

export function parseAnswer<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EngineError(0, `the container engine answered ${what} with something that is not JSON`, error)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new EngineError(0, `the container engine answered ${what} with a wrong ${issue?.path.join('.') ?? 'document'}`)
}

function begin({ target }: EngineAddress, { method, path, headers, signal }: Call): ClientRequest {
  // A connection of its own for each call costs a tenth of a millisecond, and none ever fails because the other side had closed it.
  const common: RequestOptions = { method, path, headers: { Host: 'engine', ...headers }, agent: false }
  if (signal !== undefined) common.signal = signal
  if ('socketPath' in target) return plainRequest({ ...common, socketPath: target.socketPath })
  const { host, port, tls } = target
  return tls === undefined ? plainRequest({ ...common, host, port }) : tlsRequest({ ...common, host, port, ...tls })
}

function send(request: ClientRequest, { body }: Call): void {
  if (body === undefined) return void request.end()
  const isBytes = body instanceof Uint8Array
  const bytes = isBytes ? body : Buffer.from(JSON.stringify(body))
  request.setHeader('Content-Type', isBytes ? 'application/x-tar' : 'application/json')
  request.setHeader('Content-Length', bytes.length)
  request.end(bytes)
}

async function accept(answer: IncomingMessage): Promise<IncomingMessage> {
  const { statusCode = 0 } = answer
  // Later errors of the body reach its reader; where there is none they must not end the process.
  answer.on('error', () => undefined)
  if (statusCode < 400) return answer
  const text = await readText(answer, LIMITS.engineDocument).catch(() => '')
  throw new EngineError(statusCode, messageIn(text) ?? `the container engine answered with status ${statusCode}`)
}

function messageIn(text: string): string | undefined {
  try {
    return errorSchema.parse(JSON.parse(text)).message.trim().slice(0, LIMITS.message)
  } catch {
    return undefined
  }
}

async function readText(answer: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    const bytes: Buffer = chunk
    size += bytes.length
    if (size > most) throw new EngineError(0, 'the answer of the container engine is too long')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
}

/** What ended the call: the caller, or a connection that could not be made or broke. */
export function unreachable({ name }: EngineAddress, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  return new EngineError(0, `the container engine at ${name} does not answer: ${messageOf(error)}`, error)
}
