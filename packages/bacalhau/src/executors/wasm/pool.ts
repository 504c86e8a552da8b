import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../runtime/clock.ts'

/** Threads that run jobs. A new one takes some 50 ms to start, so some stand ready. */
export interface ThreadPool {
  /** A thread for one job: a waiting one, or a new one. */
  take(): Worker
  /** Takes back a thread whose job ended cleanly, for the next job. */
  giveBack(thread: Worker): void
  /** Ends a thread, whatever it does, and makes a new one ready if too few are left. */
  discard(thread: Worker): Promise<void>
  /** Ends all threads. */
  stop(): Promise<void>
}

/** Jobs that one thread runs before it makes place for a fresh one: an upper bound on whatever might pile up in it. */
const JOBS_PER_THREAD = 1_000
/** Threads that wait beyond the usual number after a busy time, and for how many milliseconds. */
const SURPLUS = Math.max(1, availableParallelism())
const SURPLUS_TIME = 30_000

export interface ThreadPoolOptions {
  readonly clock: Clock
  /** How many threads stand ready while no job runs. */
  readonly size: number
}

export function createThreadPool({ clock, size }: ThreadPoolOptions): ThreadPool {
  optimiseAtOnce()
  const idle: Worker[] = []
  const jobs = new Map<Worker, number>()
  let trimming: Timer | undefined
  let stopped = false

  const add = (): Worker => {
    const thread = startThread()
    jobs.set(thread, 0)
    thread.once('exit', () => {
      jobs.delete(thread)
      const index = idle.indexOf(thread)
      if (index !== -1) idle.splice(index, 1)
    })
    return thread
  }
  const rest = (thread: Worker) => {
    // A waiting thread does not keep the process alive.
    thread.unref()
    idle.push(thread)
    if (idle.length > size) trimming ??= clock.after(SURPLUS_TIME, trim)
  }
  const trim = () => {
    trimming = undefined
    for (const thread of idle.splice(size)) void thread.terminate()
  }
  const discard = async (thread: Worker) => {
    await thread.terminate()
    if (!stopped && jobs.size < size) rest(add())
  }
  for (let count = 0; count < size; count++) rest(add())
  return {
    take() {
      const thread = idle.pop() ?? add()
      thread.ref()
      jobs.set(thread, (jobs.get(thread) ?? 0) + 1)
      return thread
    },
    giveBack(thread) {
      const worn = (jobs.get(thread) ?? 0) >= JOBS_PER_THREAD
      if (stopped || worn || idle.length >= size + SURPLUS) void discard(thread)
      else rest(thread)
    },
    discard,
    async stop() {
      stopped = true
      trimming?.cancel()
      await Promise.all([...jobs.keys()].map((thread) => thread.terminate()))
    },
  }
}

/**
 * V8 compiles a function of WebAssembly quickly and badly at first, and well only when it is entered again: a loop that
 * runs for minutes in one call would stay slow. So the quick compiler is switched off, for the whole process, before the
 * first module is compiled. Measured in benchmarks/sandbox.ts.
 */
function optimiseAtOnce(): void {
  setFlagsFromString('--no-liftoff')
}

/** The thread's program: this source tree's, or the release bundle's, where all chunks lie in one folder. */
const ENTRY = import.meta.url.endsWith('.ts')
  ? new URL('./worker/main.ts', import.meta.url)
  : new URL('./sandbox-worker.js', import.meta.url)

function startThread(): Worker {
  const thread = new Worker(ENTRY, {
    name: 'wasm-sandbox',
    // Nothing of the node's own environment is within reach, should anything ever get out of the sandbox.
    env: {},
    argv: [],
    execArgv: [],
    // Descriptors that a terminated job had open are closed with its thread.
    trackUnmanagedFds: true,
    // For the sandbox's own JavaScript. Memories of WebAssembly are bounded by rewriting the module.
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 },
  })
  // Whoever uses the thread listens, too; a waiting thread must not bring the node down.
  thread.on('error', () => {})
  return thread
}
