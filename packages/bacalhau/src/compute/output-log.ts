import { open } from 'node:fs/promises'
import type { LogChunk } from '../link/logs.ts'
import { systemCode } from '../runtime/error.ts'
import type { ExecutionFolder } from './execution-folder.ts'

/** Bytes that one read takes from an output file. */
const CHUNK = 64 * 1024

/** Tells the followers of one execution's output that there is more, or that there will be no more. */
export class OutputLog {
  #waiting: (() => void)[] = []
  #finished = false

  /** There may be more bytes in the files. */
  notify(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Nothing more will be written. */
  finish(): void {
    this.#finished = true
    this.notify()
  }

  get finished(): boolean {
    return this.#finished
  }

  /** Resolves at the next `notify`, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      if (signal.aborted) return resolve()
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.push(wake)
    })
  }
}

export interface ReadOptions {
  readonly follow: boolean
  readonly tail: boolean
}

/**
 * The output of an execution, each stream in order and complete: what is in the files, then, with `follow`, what is added until
 * the execution ends. Any number of readers may follow; each keeps its own place.
 */
export async function* readOutput(
  folder: ExecutionFolder,
  log: OutputLog,
  { follow, tail }: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const streams = [
    { stream: 'stdout', file: folder.stdout, offset: 0 },
    { stream: 'stderr', file: folder.stderr, offset: 0 },
  ] as const satisfies { stream: LogChunk['stream']; file: string; offset: number }[]
  const places = streams.map((place) => ({ ...place, offset: 0 }))
  if (tail) for (const place of places) place.offset = await sizeOf(place.file)
  while (!signal.aborted) {
    // Both are taken before the files are read, so that nothing written meanwhile is missed.
    const last = log.finished || !follow
    const changed = last ? undefined : log.changed(signal)
    for (const place of places) {
      for await (const bytes of readFrom(place.file, place.offset)) {
        place.offset += bytes.length
        yield { stream: place.stream, bytes }
      }
    }
    if (changed === undefined) return
    await changed
  }
}

async function* readFrom(file: string, offset: number): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (handle === undefined) return
  try {
    for (let position = offset; ;) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const handle = await open(file, 'r')
    const { size } = await handle.stat()
    await handle.close()
    return size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0
    throw error
  }
}
