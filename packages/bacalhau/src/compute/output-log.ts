import { type FileHandle, open } from 'node:fs/promises'
import type { LogChunk, LogSelection } from '../link/logs.ts'
import { abortable } from '../runtime/abort.ts'
import { systemCode } from '../runtime/error.ts'
import type { ExecutionFolder } from './execution-folder.ts'

/** Bytes that one read takes from an output file. */
const CHUNK = 64 * 1024

/** Tells the followers of one execution's output that there is more, or that there will be no more. */
export class OutputLog {
  readonly #waiting = new Set<() => void>()
  #finished = false

  /** There may be more bytes in the files. */
  notify(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Nothing more will be written. */
  finish(): void {
    this.#finished = true
    this.notify()
  }

  get finished(): boolean {
    return this.#finished
  }

  /** Followers that wait at this moment. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** `changed` resolves at the next `notify`; who no longer waits for it has to `leave`. */
  enter(): { readonly changed: Promise<void>; readonly leave: () => void } {
    const { promise: changed, resolve: wake } = Promise.withResolvers<void>()
    this.#waiting.add(wake)
    return { changed, leave: () => this.#waiting.delete(wake) }
  }
}

/** The log of an execution that has ended. */
export function finishedLog(): OutputLog {
  const log = new OutputLog()
  log.finish()
  return log
}

/**
 * The output of an execution, each stream in order and complete: what is in the files, or the wanted part of it, then, with
 * `follow`, what is added until the execution ends. Any number of readers may follow; each keeps its own place, also when the files are removed meanwhile.
 * Throws the signal's reason when it aborts.
 */
export async function* readOutput(
  folder: ExecutionFolder,
  log: OutputLog,
  part: LogSelection,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const places = [new Place('stdout', folder.stdout), new Place('stderr', folder.stderr)]
  const buffer = Buffer.allocUnsafe(CHUNK)
  let leave: (() => void) | undefined
  try {
    for (const place of places) await place.seek(part, buffer)
    for (;;) {
      signal.throwIfAborted()
      // Both are taken before the files are read, so that nothing written meanwhile is missed.
      const last = log.finished || !part.follow
      const next = last ? undefined : log.enter()
      leave = next?.leave
      for (const place of places) yield* place.rest(buffer)
      if (next === undefined) return
      await abortable(next.changed, signal)
    }
  } finally {
    leave?.()
    for (const place of places) await place.close()
  }
}

const NEWLINE = 10

/** Where the last `lines` lines of a file of `size` bytes begin. A last line without its end counts as one. */
async function lastLines(
  handle: FileHandle,
  { size, lines }: { readonly size: number; readonly lines: number },
  buffer: Buffer,
): Promise<number> {
  if (lines === 0) return size
  let left = lines
  // The end of the last line begins no further one.
  for (let end = size - 1; end > 0;) {
    const start = Math.max(0, end - buffer.length)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    for (let at = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE); at !== -1;) {
      left -= 1
      if (left === 0) return start + at + 1
      at = at === 0 ? -1 : buffer.lastIndexOf(NEWLINE, at - 1)
    }
    end = start
  }
  return 0
}

/** How far one reader is in one file. The file may appear later than its reader. */
class Place {
  readonly #stream: LogChunk['stream']
  readonly #file: string
  #handle: FileHandle | undefined
  #offset = 0

  constructor(stream: LogChunk['stream'], file: string) {
    this.#stream = stream
    this.#file = file
  }

  /** Goes to where the wanted part begins. Finds lines from the end on, through `buffer`. */
  async seek({ tail, lines, offset }: LogSelection, buffer: Buffer): Promise<void> {
    this.#offset = offset?.[this.#stream] ?? 0
    if (!tail && lines === undefined) return
    const handle = await this.#open()
    if (handle === undefined) return
    const { size } = await handle.stat()
    const begin = tail ? size : await lastLines(handle, { size, lines: lines ?? 0 }, buffer)
    this.#offset = Math.max(this.#offset, begin)
  }

  /** What is there beyond the place, read through `buffer`. */
  async *rest(buffer: Buffer): AsyncGenerator<LogChunk> {
    const handle = await this.#open()
    if (handle === undefined) return
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#offset)
      if (bytesRead === 0) return
      this.#offset += bytesRead
      yield { stream: this.#stream, bytes: Buffer.from(buffer.subarray(0, bytesRead)) }
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }

  async #open(): Promise<FileHandle | undefined> {
    try {
      this.#handle ??= await open(this.#file, 'r')
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
    return this.#handle
  }
}
