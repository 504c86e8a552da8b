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
    // It ends with an error or in order: in both cases there is a new one for the next request.
    started.on('error', () => {})
    started.on('exit', () => {
      worker = undefined
      answer(undefined)
    })
    return started
  }

  async function stop(): Promise<void> {
    idle?.cancel()
    if (worker === undefined) return
    const ended = new Promise((resolve) => worker?.once('exit', resolve))
    worker.ref()
    // In order, so that its connection is closed before ours.
    send(worker, 'end')
    await ended
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
    stop,
  }
}
