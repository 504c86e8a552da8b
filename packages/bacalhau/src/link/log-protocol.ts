import type { Libp2p } from '@libp2p/interface'
import { z } from 'zod'
import type { ByteStream } from '../network/byte-stream.ts'
import { type FrameStream, frames } from '../network/frames.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { LogChunk, LogSelection, LogReader } from './logs.ts'

/**
 * Output of an execution from the compute node that holds it. The orchestrator opens the stream over the connection that the
 * compute node made and sends one frame with the request (JSON). Answer: frames whose first byte says what follows: 1 a piece
 * of standard output, 2 of standard error; at last 3, which is the end, or 0 and the text of an error.
 */
const LOG_PROTOCOL = '/bacalhau/logs/1.0.0'
const [FAILURE, STDOUT, STDERR, END] = [0, 1, 2, 3]
/** Bytes of a request. Anybody may open many of these streams, and what has come of each is kept. */
const LONGEST_REQUEST = 4 * 1024

const requestSchema = z.strictObject({
  executionId: z.string().min(1).max(128),
  follow: z.boolean(),
  tail: z.boolean(),
  lines: z.int().nonnegative().optional(),
  offset: z.strictObject({ stdout: z.int().nonnegative(), stderr: z.int().nonnegative() }).optional(),
})

export interface LogRequest extends LogSelection {
  readonly executionId: string
}

/**
 * Reads the output of an execution at `peer`. Throws `NotFound` with the peer's own words when it cannot serve it, and
 * `PeerUnreachable` when the peer leaves before the end.
 */
export async function* readRemoteLogs(
  host: Libp2p,
  peer: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  yield* askForLogs(await openStream(host, peer, LOG_PROTOCOL, { signal, overRelay: true }), request, signal)
}

/** Serves output from this compute node. `reader` decides whether the asking peer may have it. */
export function serveLogs(host: Libp2p, reader: LogReader, logger: Logger): Promise<Stoppable> {
  return handleProtocol(host, LOG_PROTOCOL, (stream) => answerLogs(stream, reader), { logger, overRelay: true })
}

/** The asking side of one stream. */
export async function* askForLogs(
  stream: ByteStream,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const framed = frames(stream)
  const onAbort = () => stream.abort(new Error('the reader left'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await framed.send(Buffer.from(JSON.stringify(request)), { signal })
    for await (const frame of framed.receive()) {
      if (frame[0] === END) return
      yield toChunk(frame)
    }
    throw new BacalhauError('PeerUnreachable', `the node ${stream.remotePeer} went away before the end of the log`)
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.abort(new Error('the reader left'))
  }
}

function toChunk(frame: Uint8Array): LogChunk {
  const bytes = frame.subarray(1)
  switch (frame[0]) {
    case STDOUT:
      return { stream: 'stdout', bytes }
    case STDERR:
      return { stream: 'stderr', bytes }
    default:
      throw new BacalhauError('NotFound', Buffer.from(bytes).toString('utf8').slice(0, 1_000) || 'the node sent no log')
  }
}

/** The answering side of one stream. Ends early, without an error, when the asking side leaves. */
export async function answerLogs(stream: ByteStream, reader: LogReader): Promise<void> {
  const framed = frames(stream)
  const incoming = frames(stream, { maxFrame: LONGEST_REQUEST }).receive()
  const { value: first } = await incoming.next()
  const gone = new AbortController()
  void drain(incoming).catch(() => gone.abort(new Error('the reader left')))
  try {
    const { executionId, ...part } = readRequest(first ?? new Uint8Array())
    for await (const chunk of reader(executionId, { ...part, reader: stream.remotePeer }, gone.signal)) {
      await sendChunk(framed, chunk)
    }
    await framed.send(Buffer.of(END))
  } catch (error) {
    if (gone.signal.aborted) return
    const text = isBacalhauError(error) ? messageOf(error) : 'the log cannot be read'
    await framed.send(Buffer.concat([Buffer.of(FAILURE), Buffer.from(text)]))
  }
}

function readRequest(frame: Uint8Array): LogRequest {
  const { lines, offset, ...request } = requestSchema.parse(JSON.parse(Buffer.from(frame).toString('utf8')))
  return { ...request, ...(lines === undefined ? {} : { lines }), ...(offset === undefined ? {} : { offset }) }
}

/** The asking side has nothing more to say: whatever it sends is dropped, until it leaves. */
async function drain(incoming: AsyncGenerator<Uint8Array>): Promise<void> {
  for await (const _ of incoming);
}

async function sendChunk(framed: FrameStream, chunk: LogChunk): Promise<void> {
  const kind = Buffer.of(chunk.stream === 'stdout' ? STDOUT : STDERR)
  const room = LIMITS.frame - 1
  for (let start = 0; start < chunk.bytes.length; start += room) {
    await framed.send(Buffer.concat([kind, chunk.bytes.subarray(start, start + room)]))
  }
}
