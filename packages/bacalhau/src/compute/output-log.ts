import { type FileHandle, open } from 'node:fs/promises'
import type { LogChunk } from '../link/logs.ts'
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

export interface ReadOptions {
  readonly follow: boolean
  readonly tail: boolean
}

/**
 * The output of an execution, each stream in order and complete: what is in the files, then, with `follow`, what is added until
 * the execution ends. Any number of readers may follow; each keeps its own place, also when the files are removed meanwhile.
 * Throws the signal's reason when it aborts.
 */
export async function* readOutput(
  folder: ExecutionFolder,
  log: OutputLog,
  { follow, tail }: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const places = [new Place('stdout', folder.stdout), new Place('stderr', folder.stderr)]
  const buffer = Buffer.allocUnsafe(CHUNK)
  let leave: (() => void) | undefined
  try {
    if (tail) for (const place of places) await place.skip()
    for (;;) {
      signal.throwIfAborted()
      // Both are taken before the files are read, so that nothing written meanwhile is missed.
      const last = log.finished || !follow
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

  /** Passes over what is there already. */
  async skip(): Promise<void> {
    this.#offset = (await (await this.#open())?.stat())?.size ?? 0
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
