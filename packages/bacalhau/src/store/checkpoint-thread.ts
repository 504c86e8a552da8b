import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'

/** Milliseconds without work after which the thread ends, so that an idle node does not pay for it. */
const IDLE = 10_000

/** The thread's program: this source tree's, or the release bundle's, where all chunks lie in one folder. */
const ENTRY = import.meta.url.endsWith('.ts')
  ? new URL('./checkpoint-worker.ts', import.meta.url)
  : new URL('./checkpoint-worker.js', import.meta.url)

/** A thread that is there only while there is something to copy. */
export interface CheckpointThread extends Stoppable {
  /** Copies what the log has into the database; frames of the log that are copied by now, or undefined when it could not. */
  checkpoint(): Promise<number | undefined>
}

export type Request = 'checkpoint' | 'end'
/** What the thread answers to a request. */
export type Answer = { readonly copied: number } | { readonly error: string }

export function createCheckpointThread(file: string, clock: Clock, entry: URL = ENTRY): CheckpointThread {
  let worker: Worker | undefined
  let ended: Promise<unknown> = Promise.resolve()
  let idle: Timer | undefined
  let answer: (copied: number | undefined) => void = () => {}

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread of our own, not a window
  const send = (thread: Worker, request: Request) => thread.postMessage(request)

  function start(): Worker {
    const started = new Worker(entry, {
      name: 'store-checkpoint',
      workerData: file,
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    })
    started.unref()
    started.on('message', (message: Answer) => answer('copied' in message ? message.copied : undefined))
    started.on('error', () => {})
    started.on('exit', () => {
      // Of itself, with an error: the next request gets a new one.
      if (worker !== started) return
      worker = undefined
      answer(undefined)
    })
    return started
  }

  function stop(): Promise<unknown> {
    idle?.cancel()
    const last = worker
    if (last === undefined) return ended
    worker = undefined
    ended = new Promise((resolve) => last.once('exit', resolve))
    last.ref()
    // In order, so that its connection is closed before the store's.
    send(last, 'end')
    return ended
  }

  return {
    async checkpoint() {
      idle?.cancel()
      worker ??= start()
      send(worker, 'checkpoint')
      const copied = await new Promise<number | undefined>((resolve) => (answer = resolve))
      idle = clock.after(IDLE, () => void stop())
      return copied
    },
    async stop() {
      await stop()
    },
  }
}
