import { type FileHandle, open } from 'node:fs/promises'
import {
  gapLine,
  type Joined,
  type Rolling,
  type Segment,
  segmentPath,
  segmentsOf,
} from '../executors/rolling-output.ts'
import type { LogChunk, LogSelection } from '../link/logs.ts'
import { systemCode } from '../runtime/error.ts'

const NEWLINE = 10

/** How the bytes lie in files. */
export interface Lie {
  /** Known as soon as nothing more is written. */
  readonly joined: Joined | undefined
  /** By what bounds they roll, where that is known and goes on: it saves looking for the next file again and again. */
  readonly rolling?: Rolling | undefined
}

/** How far one reader is in one stream, which may roll and may appear later than its reader. */
export class OutputPlace {
  readonly stream: LogChunk['stream']
  readonly #file: string
  #handle: FileHandle | undefined
  /** Place of the first byte of the file that is being read: 0, or that of a segment. */
  #start = 0
  #offset = 0

  constructor(stream: LogChunk['stream'], file: string) {
    this.stream = stream
    this.#file = file
  }

  /** Goes to where the wanted part begins. Finds lines from the end on, through `buffer`. */
  async seek({ tail, lines, offset }: LogSelection, buffer: Buffer): Promise<void> {
    this.#offset = offset?.[this.stream] ?? 0
    const wanted = tail ? 0 : lines
    if (wanted === undefined && this.#offset === 0) return
    const segments = await segmentsOf(this.#file)
    if (wanted !== undefined) {
      const files = [{ start: 0, path: this.#file }, ...segments]
      this.#offset = Math.max(this.#offset, await beginOfLines(files, wanted, buffer))
    }
    this.#start = segments.findLast(({ start }) => start <= this.#offset)?.start ?? 0
  }

  /** What is there beyond the place, read through `buffer`. */
  async *rest(buffer: Buffer, { joined, rolling }: Lie): AsyncGenerator<LogChunk> {
    if (joined !== undefined && this.#start > 0) await this.#turnTo(0, this.#offset + joined.shift, joined.head)
    for (;;) {
      const known = await this.#read(buffer)
      if (known !== undefined) {
        yield known
        // Of what was written since then the reader is told.
        if (known.bytes.length === buffer.length || rolling === undefined) continue
      }
      if (rolling !== undefined && !this.#isFull(rolling)) return
      const next = (await segmentsOf(this.#file)).find(({ start }) => start > this.#start)?.start
      if (next === undefined) return
      // It is complete by now, and may have been completed since the last look.
      const late = await this.#read(buffer)
      if (late !== undefined) {
        yield late
        continue
      }
      if (next > this.#offset) yield { stream: this.stream, bytes: gapLine(next - this.#offset) }
      await this.#turnTo(next, this.#offset, next)
    }
  }

  /** Only after a file that is full there is another one. */
  #isFull({ head, segment }: Rolling): boolean {
    return this.#offset - this.#start >= (this.#start === 0 ? head : segment)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  async #turnTo(start: number, offset: number, least: number): Promise<void> {
    await this.close()
    this.#start = start
    this.#offset = Math.max(offset, least)
  }

  async #read(buffer: Buffer): Promise<LogChunk | undefined> {
    this.#handle ??= await openIfThere(this.#start === 0 ? this.#file : segmentPath(this.#file, this.#start))
    const at = this.#offset - this.#start
    const bytesRead = (await this.#handle?.read(buffer, 0, buffer.length, at))?.bytesRead ?? 0
    if (bytesRead === 0) return undefined
    this.#offset += bytesRead
    return { stream: this.stream, bytes: Buffer.from(buffer.subarray(0, bytesRead)) }
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Where the last `lines` lines of these files begin, as far as they follow each other. A last line without its end counts as one. */
async function beginOfLines(files: readonly Segment[], lines: number, buffer: Buffer): Promise<number> {
  let left = lines
  let begin: number | undefined
  for (const { start, path } of files.toReversed()) {
    const handle = await openIfThere(path)
    if (handle === undefined) break
    try {
      const { size } = await handle.stat()
      // What was dropped in between has no lines.
      if (begin !== undefined && start + size !== begin) break
      if (left === 0) return start + size
      // The end of the last line begins no further one.
      const found = await lastLines(handle, { end: begin === undefined ? size - 1 : size, lines: left }, buffer)
      if (found.at !== undefined) return start + found.at
      left = found.left
      begin = start
    } finally {
      await handle.close()
    }
  }
  return begin ?? 0
}

interface Found {
  /** Where they begin; undefined when there are fewer, by `left`. */
  readonly at?: number
  readonly left: number
}

/** Looks for line ends before `end`. */
async function lastLines(
  handle: FileHandle,
  { end: last, lines }: { readonly end: number; readonly lines: number },
  buffer: Buffer,
): Promise<Found> {
  let left = lines
  for (let end = last; end > 0;) {
    const start = Math.max(0, end - buffer.length)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    for (let at = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE); at !== -1;) {
      left -= 1
      if (left === 0) return { at: start + at + 1, left }
      at = at === 0 ? -1 : buffer.lastIndexOf(NEWLINE, at - 1)
    }
    end = start
  }
  return { left }
}
