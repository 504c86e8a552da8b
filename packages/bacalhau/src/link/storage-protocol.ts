import type { Libp2p } from '@libp2p/interface'
import { z } from 'zod'
import type { ByteStream } from '../network/byte-stream.ts'
import { frames } from '../network/frames.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import { withDeadline } from '../runtime/abort.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'

/**
 * URLs into the storage of the orchestrator, for compute nodes that have no credentials for it. The compute node opens a stream
 * and sends one frame with the request (JSON); the answer is one frame: 1 and what was granted (JSON), or 0 and the text of an
 * error.
 */
const STORAGE_PROTOCOL = '/bacalhau/storage/1.0.0'
const [REFUSED, GRANTED] = [0, 1]
/** Bytes of a request, and of an answer. */
const LONGEST = 64 * 1024

const id = z.string().min(1).max(128)
const requestSchema = z.discriminatedUnion('want', [
  z.strictObject({ want: z.literal('put'), jobId: id, executionId: id, bytes: z.int().positive() }),
  z.strictObject({
    want: z.literal('get'),
    jobId: id,
    executionId: id,
    of: z.strictObject({ jobId: id, executionId: id }),
  }),
])

/**
 * What a compute node asks for on behalf of an execution that it holds: to put its results, an archive of so many bytes, or to get
 * the results of another execution, which are an input of it.
 */
export type StorageRequest = z.output<typeof requestSchema>

const grantSchema = z.strictObject({ url: z.url().max(16_384), headers: z.record(z.string(), z.string()) })

/** A URL that does one thing for a while, and the headers that have to be sent with it. */
export type StorageGrant = z.output<typeof grantSchema>

/** Decides over the request of an authenticated peer. Throws what the peer is to know as a `BacalhauError`. */
export type StorageDesk = (peer: string, request: StorageRequest) => Promise<StorageGrant>

/** Asks an orchestrator. Throws `Forbidden` with its own words when it refuses, `PeerUnreachable` when it cannot be asked. */
export async function askForStorage(
  host: Libp2p,
  orchestrator: string,
  request: StorageRequest,
  signal: AbortSignal,
): Promise<StorageGrant> {
  return askOverStream(
    await openStream(host, orchestrator, STORAGE_PROTOCOL, { signal, overRelay: true }),
    request,
    signal,
  )
}

export function serveStorage(host: Libp2p, desk: StorageDesk, logger: Logger): Promise<Stoppable> {
  return handleProtocol(host, STORAGE_PROTOCOL, (stream) => answerStorage(stream, desk), { logger, overRelay: true })
}

/** The asking side of one stream. */
export async function askOverStream(
  stream: ByteStream,
  request: StorageRequest,
  signal: AbortSignal,
): Promise<StorageGrant> {
  const framed = frames(stream, { maxFrame: LONGEST })
  const deadline = withDeadline(signal, LIMITS.storageAnswer)
  const onAbort = () => stream.abort(new Error('no longer wanted'))
  deadline.addEventListener('abort', onAbort, { once: true })
  try {
    await framed.send(Buffer.from(JSON.stringify(request)), { signal: deadline })
    const { value: frame } = await framed.receive().next()
    return grantOf(frame ?? new Uint8Array(), stream.remotePeer)
  } catch (error) {
    signal.throwIfAborted()
    if (isBacalhauError(error)) throw error
    const problem = `the orchestrator ${stream.remotePeer} gave no answer: ${messageOf(error)}`
    throw new BacalhauError('PeerUnreachable', problem, { cause: error })
  } finally {
    deadline.removeEventListener('abort', onAbort)
    stream.abort(new Error('no longer wanted'))
  }
}

function grantOf(frame: Uint8Array, peer: string): StorageGrant {
  const text = Buffer.from(frame.subarray(1)).toString('utf8')
  if (frame[0] === REFUSED) throw new BacalhauError('Forbidden', text.slice(0, 1_000))
  if (frame[0] !== GRANTED) throw new BacalhauError('PeerUnreachable', `the orchestrator ${peer} gave no answer`)
  return grantSchema.parse(JSON.parse(text))
}

/** The answering side of one stream. */
export async function answerStorage(stream: ByteStream, desk: StorageDesk): Promise<void> {
  const framed = frames(stream, { maxFrame: LONGEST })
  const { value: frame } = await framed.receive().next()
  try {
    const request = requestSchema.parse(JSON.parse(Buffer.from(frame ?? new Uint8Array()).toString('utf8')))
    const grant = await desk(stream.remotePeer, request)
    await framed.send(Buffer.concat([Buffer.of(GRANTED), Buffer.from(JSON.stringify(grant))]))
  } catch (error) {
    const text = isBacalhauError(error) ? error.message : 'the request cannot be granted'
    await framed.send(Buffer.concat([Buffer.of(REFUSED), Buffer.from(text)]))
  }
}
