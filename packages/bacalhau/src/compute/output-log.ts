import type { Joined, Rolling } from '../executors/rolling-output.ts'
import type { LogChunk, LogSelection } from '../link/logs.ts'
import { abortable } from '../runtime/abort.ts'
import type { ExecutionFolder } from './execution-folder.ts'
import { OutputPlace } from './output-place.ts'

/** Bytes that one read takes from an output file. */
const CHUNK = 64 * 1024

/** How the files of both streams were joined, as far as they rolled. */
export type JoinedOutput = { readonly [K in LogChunk['stream']]?: Joined }

/** Tells the followers of one execution's output that there is more, or that there will be no more. */
export class OutputLog {
  readonly #waiting = new Set<() => void>()
  #finished = false
  #joined: JoinedOutput = {}
  /** How the files roll, if they do. */
  readonly rolling: Rolling | undefined

  constructor(rolling?: Rolling) {
    this.rolling = rolling
  }

  /** There may be more bytes in the files. */
  notify(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Nothing more will be written, and what rolled has been joined. */
  join(joined: JoinedOutput): void {
    this.#joined = joined
    this.notify()
  }

  get joined(): JoinedOutput {
    return this.#joined
  }

  /** There will be nothing more to read. */
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
  const places = [new OutputPlace('stdout', folder.stdout), new OutputPlace('stderr', folder.stderr)]
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
      for (const place of places)
        yield* place.rest(buffer, { joined: log.joined[place.stream], ...(last ? {} : { rolling: log.rolling }) })
      if (next === undefined) return
      await abortable(next.changed, signal)
    }
  } finally {
    leave?.()
    for (const place of places) await place.close()
  }
}
