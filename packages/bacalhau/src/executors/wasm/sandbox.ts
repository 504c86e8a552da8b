import type { Worker } from 'node:worker_threads'
import type { Ending } from './failure.ts'
import type { ModuleCache } from './module-cache.ts'
import { type FromWorker, SHARED, type SandboxJob, type ToWorker } from './thread.ts'

/** How a thread finished with a job, by itself. */
export type ThreadEnd =
  | { readonly kind: 'ended'; readonly ending: Ending; readonly reusable: boolean }
  /** Something of the node's own was wrong. */
  | { readonly kind: 'fault'; readonly message: string }
  /** The thread is gone. */
  | { readonly kind: 'died'; readonly error: unknown }

/** Gives a job to a thread and follows it to its end. `onOutput` is told of output, coalesced. */
export function runOnThread(
  thread: Worker,
  job: SandboxJob,
  { modules, onOutput }: { modules: ModuleCache; onOutput: () => void },
): Promise<ThreadEnd> {
  const flag = new Int32Array(job.shared)
  const send = (message: ToWorker) =>
    thread.postMessage(message, message.kind === 'run' && message.http !== undefined ? [message.http.port] : [])
  const { promise, resolve } = Promise.withResolvers<ThreadEnd>()
  let died: unknown
  const listeners = {
    message(message: FromWorker) {
      switch (message.kind) {
        case 'lookup':
          return send({ kind: 'modules', modules: message.keys.map((key) => modules.get(key)) })
        case 'compiled':
          return modules.put(message.key, message.module, message.bytes)
        case 'output':
          Atomics.store(flag, SHARED.news, 0)
          return onOutput()
        case 'ended':
        case 'fault':
          return resolve(message)
      }
    },
    error: (error: unknown) => (died = error),
    exit: () => resolve({ kind: 'died', error: died }),
  }
  for (const [event, listener] of Object.entries(listeners)) thread.on(event, listener)
  send(job)
  return promise.finally(() => {
    for (const [event, listener] of Object.entries(listeners)) thread.off(event, listener)
  })
}
