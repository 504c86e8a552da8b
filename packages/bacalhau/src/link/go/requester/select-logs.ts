import type { LogChunk, LogPlace, LogSelection } from '../../logs.ts'

/** The part of the output that is wanted, where the one who has it knows only all of it, or what comes from now on. */
export async function* selectLogs(
  chunks: AsyncIterable<LogChunk>,
  { follow, lines, offset }: LogSelection,
): AsyncGenerator<LogChunk> {
  const wanted = offset === undefined ? chunks : beyond(chunks, offset)
  // Of output that goes on nobody knows yet which its last lines are.
  if (lines === undefined || follow) yield* wanted
  else yield* lastLines(wanted, lines)
}

async function* beyond(chunks: AsyncIterable<LogChunk>, offset: LogPlace): AsyncGenerator<LogChunk> {
  const rest = { ...offset }
  for await (const { stream, bytes } of chunks) {
    const skipped = Math.min(rest[stream], bytes.length)
    rest[stream] -= skipped
    if (skipped < bytes.length) yield { stream, bytes: bytes.subarray(skipped) }
  }
}

const LINE_FEED = 0x0a

async function* lastLines(chunks: AsyncIterable<LogChunk>, count: number): AsyncGenerator<LogChunk> {
  const kept = { stdout: createTail(count), stderr: createTail(count) }
  for await (const { stream, bytes } of chunks) kept[stream].push(bytes)
  for (const stream of ['stdout', 'stderr'] as const) {
    const bytes = kept[stream].take()
    if (bytes.length > 0) yield { stream, bytes }
  }
}

/** Keeps the last `count` lines of what is pushed. */
function createTail(count: number) {
  let parts: Uint8Array[] = []
  let [held, room] = [0, TAIL]
  const take = () => {
    const bytes = Buffer.concat(parts)
    return bytes.subarray(beginOf(bytes, count))
  }
  return {
    take,
    push(more: Uint8Array) {
      parts.push(more)
      held += more.length
      if (held < room) return
      // Looked through only when it has doubled, so that the whole costs no more than reading it twice.
      parts = [Buffer.from(take())]
      held = parts[0]?.length ?? 0
      room = Math.max(TAIL, 2 * held)
    },
  }
}
/** Bytes that are held before it is looked which of them are wanted. */
const TAIL = 64 * 1024

/** Where the last `count` lines begin. A line feed at the end belongs to the last line. */
function beginOf(bytes: Buffer, count: number): number {
  if (count === 0) return bytes.length
  let at = bytes.length - (bytes.at(-1) === LINE_FEED ? 1 : 0)
  for (let left = count; left > 0; left--) {
    const before = at === 0 ? -1 : bytes.lastIndexOf(LINE_FEED, at - 1)
    if (before === -1) return 0
    at = before
  }
  return at + 1
}
