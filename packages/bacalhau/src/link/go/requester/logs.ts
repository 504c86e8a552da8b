import type { Libp2p } from '@libp2p/interface'
import type { ByteStream } from '../../../network/byte-stream.ts'
import { openStream } from '../../../network/protocol.ts'
import { type Clock, sleep, systemClock } from '../../../runtime/clock.ts'
import { BacalhauError, isBacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Generation } from '../../facts/known-node.ts'
import type { LogRequest } from '../../log-protocol.ts'
import type { LogChunk } from '../../logs.ts'
import { encodeGo } from '../wire/go-json.ts'
import { readValues } from '../wire/json-value.ts'
import { logEntrySchema } from '../wire/messages.ts'
import { logAddressResponseSchema } from '../wire/messages-b.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { callGo } from '../wire/rpc.ts'
import { selectLogs } from './select-logs.ts'

/**
 * Reads the output of an execution at a Go compute node, while it runs there: of what has ended these nodes tell nothing. Throws
 * `NotFound` with the node's own words, or `PeerUnreachable`.
 */
export async function* readGoLogs(
  host: Libp2p,
  peer: string,
  generation: Generation,
  request: LogRequest,
  signal: AbortSignal,
  clock: Clock = systemClock,
): AsyncGenerator<LogChunk> {
  const read = generation === 'b' ? readLegacy : readEntries
  yield* selectLogs(
    oncePresent(() => read(host, peer, request, signal), request.follow ? START : 0, clock, signal),
    request,
  )
}

/** Whoever follows an execution has so many milliseconds for it to begin: before that a node does not know its output. */
const START = 60_000
const PAUSE = 1_000

async function* oncePresent(
  read: () => AsyncGenerator<LogChunk>,
  patience: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const end = clock.monotonic() + patience
  for (let begun = false; ;) {
    try {
      for await (const chunk of read()) {
        begun = true
        yield chunk
      }
      return
    } catch (error) {
      const isAbsent = isBacalhauError(error) && error.code === 'NotFound' && /not found/.test(error.message)
      if (begun || !isAbsent || clock.monotonic() >= end) throw error
      await sleep(clock, PAUSE, signal)
    }
  }
}

/** Entries follow one another until the node closes the stream; an error is an entry too, after which it resets the stream. */
async function* readEntries(
  host: Libp2p,
  peer: string,
  { executionId, tail, follow }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const routing = { SourcePeerID: host.peerId.toString(), TargetPeerID: peer }
  const message = { ...routing, ExecutionID: executionId, Tail: tail, Follow: follow }
  yield* overStream(host, peer, GO_PROTOCOLS.executionLogs, encodeGo(message), signal, toChunks)
}

async function* toChunks(stream: ByteStream): AsyncGenerator<LogChunk> {
  for await (const value of readValues(stream, { most: LIMITS.frame })) {
    const { error, value: entry } = logEntrySchema.parse(value)
    if (error !== '') throw new BacalhauError('NotFound', error.slice(0, LIMITS.message))
    yield { stream: entry.Type === 2 ? 'stderr' : 'stdout', bytes: Buffer.from(mend(entry.Line)) }
  }
}

/**
 * The WebAssembly engine of these releases leaves the header of its own frames in the text, whose length it then cuts off at
 * its end, and loses every second line. What is there is shown without the header, one line each.
 */
export function mend(line: string): string {
  // oxlint-disable-next-line no-control-regex -- the header is made of them
  const text = line.replace(/^[\u0001\u0002]\u0000{3}[\s\S]{4}/u, '')
  return text === line || text.endsWith('\n') ? text : `${text}\n`
}

/** Node v1.0.3 says where its logs are; that is at itself, over the connection that is there. */
async function* readLegacy(
  host: Libp2p,
  peer: string,
  { executionId, tail, follow }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const routing = { SourcePeerID: host.peerId.toString(), TargetPeerID: peer }
  const wish = { ExecutionID: executionId, WithHistory: !tail, Follow: follow }
  const answer = await callGo(
    host,
    peer,
    GO_PROTOCOLS.logAddress,
    { ...routing, ...wish },
    logAddressResponseSchema,
    signal,
  )
  if (!answer.ok) throw new BacalhauError('NotFound', answer.error.slice(0, LIMITS.message))
  const message = Buffer.concat([encodeGo(wish), Buffer.from('\n')])
  yield* overStream(host, peer, GO_PROTOCOLS.logStream, message, signal, toFrames)
}

/** Frames of the Docker engine: 1 or 2 for the stream, three zeros, the length in four bytes, the data. */
export async function* toFrames(stream: Pick<ByteStream, 'receive'>): AsyncGenerator<LogChunk> {
  let [rest, waiting, wanted]: [Buffer, Uint8Array[], number] = [Buffer.alloc(0), [], HEADER]
  for await (const chunk of stream.receive()) {
    waiting.push(chunk)
    wanted -= chunk.length
    // Joined when there is enough, not with each piece: the node says how small these are.
    if (wanted > 0 && waiting.length < MOST_WAITING) continue
    rest = Buffer.concat([rest, ...waiting])
    waiting = []
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(4)
      if (length > LIMITS.frame)
        throw new BacalhauError('PayloadTooLarge', 'the node sends a piece of output that is too long')
      if (rest.length < HEADER + length) break
      yield { stream: rest[0] === 2 ? 'stderr' : 'stdout', bytes: rest.subarray(HEADER, HEADER + length) }
      rest = rest.subarray(HEADER + length)
    }
    wanted = HEADER + (rest.length < HEADER ? 0 : rest.readUInt32BE(4)) - rest.length
  }
}
/** Pieces that wait to be joined. */
const MOST_WAITING = 4_096
const HEADER = 8

const isReset = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'StreamResetError'

/** Opens a stream, asks, and reads. A reset is how these nodes end a stream that they do not go on with: it ends the output. */
async function* overStream(
  host: Libp2p,
  peer: string,
  protocol: string,
  request: Uint8Array,
  signal: AbortSignal,
  read: (stream: ByteStream) => AsyncGenerator<LogChunk>,
): AsyncGenerator<LogChunk> {
  const stream = await openStream(host, peer, protocol, { signal, overRelay: true })
  const onAbort = () => stream.abort(new Error('the reader left'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await stream.send(request, { signal })
    yield* read(stream)
  } catch (error) {
    signal.throwIfAborted()
    if (!isReset(error)) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.abort(new Error('the reader left'))
  }
}
