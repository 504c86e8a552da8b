import type { Libp2p } from '@libp2p/interface'
import type { ByteStream } from '../../../network/byte-stream.ts'
import { type Clock, sleep } from '../../../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { LogChunk, LogReader } from '../../logs.ts'
import { encodeGo } from '../wire/go-json.ts'
import { executionLogsSchema } from '../wire/messages.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { bound, readRequest, serveGo, type ServeOptions } from '../wire/rpc.ts'
import type { TakenTable } from './taken-table.ts'
import { sendWhole } from './whole-frames.ts'

export interface LogOptions extends ServeOptions {
  readonly host: Libp2p
  readonly clock: Clock
  readonly readLogs: LogReader
}

/** How often it is looked whether an execution that is waited for has begun. */
const LOOK = 200

/** Serves output to requesters of release 1.2.2 and later, as one stream. */
export function handleLogs(options: LogOptions, table: TakenTable): Promise<Stoppable> {
  const { host } = options
  return serveGo(host, GO_PROTOCOLS.executionLogs, options, async (bytes, speaker, room, raw) => {
    const request = bound(host, speaker, await readRequest(bytes, executionLogsSchema, room))
    const { ExecutionID, Tail, Follow } = request
    const wanted = { executionId: ExecutionID, tail: Tail, follow: Follow, reader: speaker.peer }
    await untilGone(bytes, async (signal) => {
      const send = (entry: object) => sendWhole(raw, Buffer.concat([encodeGo(entry), LINE_FEED]), options.clock, signal)
      try {
        for await (const entry of entries(outputOf(wanted, options, table, signal))) await send({ value: entry })
      } catch (error) {
        if (signal.aborted) return
        await send({ error: wordsOf(ExecutionID, error), value: { Type: 0, Line: '' } })
      }
    })
  })
}

const LINE_FEED = Buffer.from('\n')

const wordsOf = (executionId: string, error: unknown): string => {
  const why = isBacalhauError(error) ? messageOf(error) : 'the log cannot be read'
  return `failed to get log stream for execution: ${executionId}: ${why}`
}

export interface WantedOutput {
  readonly executionId: string
  readonly tail: boolean
  readonly follow: boolean
  /** Peer ID of the requester. */
  readonly reader: string
}

/** The output of an execution. One that is ordered and has not begun yet is waited for, if it is to be followed. */
export async function* outputOf(
  { executionId, ...wanted }: WantedOutput,
  { clock, readLogs }: Pick<LogOptions, 'clock' | 'readLogs'>,
  table: Pick<TakenTable, 'of'>,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  for (;;) {
    try {
      yield* readLogs(executionId, wanted, signal)
      return
    } catch (error) {
      const phase = table.of(wanted.reader, executionId)?.taken.phase
      const mayBegin = phase === 'ordered' || phase === 'held'
      if (!wanted.follow || !mayBegin || !isBacalhauError(error) || error.code !== 'NotFound') throw error
    }
    await sleep(clock, LOOK, signal)
  }
}

/** Runs `serve` until the peer leaves, which aborts its signal. */
export async function untilGone(stream: ByteStream, serve: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const gone = new AbortController()
  const leave = () => gone.abort(new BacalhauError('PeerUnreachable', 'the reader has gone'))
  void (async () => {
    // The peer has nothing more to say; that it leaves is all that is waited for.
    for await (const _ of stream.receive());
  })().then(leave, leave)
  await serve(gone.signal)
}

/** Output as entries of a log: no character is cut in two, and no entry is long. */
export async function* entries(output: AsyncIterable<LogChunk>): AsyncGenerator<{ Type: 1 | 2; Line: string }> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  for await (const { stream, bytes } of output) {
    for (let start = 0; start < bytes.length; start += LIMITS.goLogEntry) {
      const Line = decoders[stream].decode(bytes.subarray(start, start + LIMITS.goLogEntry), { stream: true })
      if (Line !== '') yield { Type: stream === 'stdout' ? 1 : 2, Line }
    }
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const Line = decoders[stream].decode()
    if (Line !== '') yield { Type: stream === 'stdout' ? 1 : 2, Line }
  }
}
