import type { Libp2p } from '@libp2p/interface'
import { z } from 'zod'
import type { ByteStream } from '../network/byte-stream.ts'
import { type FrameStream, frames } from '../network/frames.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { LogChunk, LogReader } from './logs.ts'

/**
 * Output of an execution from the compute node that holds it. The orchestrator opens the stream over the connection that the
 * compute node made and sends one frame with the request (JSON). Answer: frames of one byte, which says what follows, and
 * that: 1 standard output, 2 standard error, 0 the text of an error, after which nothing comes.
 */
export const LOG_PROTOCOL = '/bacalhau/logs/1.0.0'
const [FAILURE, STDOUT, STDERR] = [0, 1, 2]

const requestSchema = z.strictObject({
  executionId: z.string().min(1).max(128),
  follow: z.boolean(),
  tail: z.boolean(),
})

/** Reads the output of an execution at `peer`. Throws `NotFound` with the peer's own words when it cannot serve it. */
export async function* readRemoteLogs(
  host: Libp2p,
  peer: string,
  request: z.infer<typeof requestSchema>,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const stream = await openStream(host, peer, LOG_PROTOCOL, { signal, overRelay: true })
  const framed = frames(stream)
  const onAbort = () => stream.abort(new Error('the reader left'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await framed.send(Buffer.from(JSON.stringify(request)), { signal })
    for await (const frame of framed.receive()) yield toChunk(frame)
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

/** Serves output from this compute node. `reader` decides whether the asking peer may have it. */
export function serveLogs(host: Libp2p, reader: LogReader, logger: Logger): Promise<Stoppable> {
  return handleProtocol(host, LOG_PROTOCOL, (stream) => answer(stream, reader), { logger, overRelay: true })
}

async function answer(stream: ByteStream, reader: LogReader): Promise<void> {
  const framed = frames(stream)
  const incoming = framed.receive()
  const { value: first } = await incoming.next()
  const gone = new AbortController()
  // The asking side sends nothing more: whatever comes next, an end or an error, means that it has left or half-closed.
  void incoming.next().catch(() => gone.abort())
  try {
    const request = requestSchema.parse(JSON.parse(Buffer.from(first ?? new Uint8Array()).toString('utf8')))
    for await (const chunk of reader(request.executionId, { ...request, reader: stream.remotePeer }, gone.signal)) {
      await sendChunk(framed, chunk)
    }
  } catch (error) {
    if (gone.signal.aborted) return
    const text = isBacalhauError(error) ? messageOf(error) : 'the log cannot be read'
    await framed.send(Buffer.concat([Buffer.of(FAILURE), Buffer.from(text)]))
  }
}

async function sendChunk(framed: FrameStream, chunk: LogChunk): Promise<void> {
  const kind = Buffer.of(chunk.stream === 'stdout' ? STDOUT : STDERR)
  const room = LIMITS.frame - 1
  for (let start = 0; start < chunk.bytes.length; start += room) {
    await framed.send(Buffer.concat([kind, chunk.bytes.subarray(start, start + room)]))
  }
}
