import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { ThreadPool } from './pool.ts'

/** Jobs in line for a thread. */
export interface ThreadLine {
  /** A thread for one job, as soon as it is its turn. */
  take(): Promise<Worker>
  /** Takes back a thread whose job ended cleanly. */
  giveBack(thread: Worker): void
  /** Ends a thread, whatever it does. */
  discard(thread: Worker): Promise<void>
  /** Nobody gets a thread any more. */
  stop(): void
}

/** Threads that work at the same time without anybody waiting: one for each core, and never just one. */
export const AT_ONCE = Math.max(2, availableParallelism())
/** When no thread has come back for this long, the next job gets one of its own. Milliseconds. */
export const PATIENCE = 20

/**
 * Lets many small jobs share few threads. A node may be ordered to run hundreds at once, each with a hundredth of a core; a
 * thread for each would take longer to start than most of them to run. So beyond the cores a job waits for a thread to come
 * back. Where none does, because what runs takes its time, one thread after another is started until all jobs have theirs.
 */
export function createThreadLine(pool: ThreadPool, clock: Clock): ThreadLine {
  const waiting: ((thread: Worker) => void)[] = []
  let working = 0
  let moved = false
  let timer: Timer | undefined

  const look = () => {
    timer = undefined
    if (!moved) serve()
    moved = false
    if (waiting.length > 0) timer = clock.after(PATIENCE, look)
  }
  const serve = () => {
    const next = waiting.shift()
    if (next === undefined) return
    working += 1
    next(pool.take())
  }
  const leave = () => {
    working -= 1
    moved = true
    serve()
  }
  return {
    take() {
      if (working < AT_ONCE) {
        working += 1
        return Promise.resolve(pool.take())
      }
      const { promise, resolve } = Promise.withResolvers<Worker>()
      if (waiting.push(resolve) === 1) moved = false
      timer ??= clock.after(PATIENCE, look)
      return promise
    },
    giveBack(thread) {
      pool.giveBack(thread)
      leave()
    },
    async discard(thread) {
      const ended = pool.discard(thread)
      leave()
      await ended
    },
    stop() {
      waiting.length = 0
      timer?.cancel()
    },
  }
}
