// The thread in which one job after another runs. It gets a job, runs it to its end, says how it ended, and waits for the
// next one. Only after a clean end is it given another: otherwise the node ends the thread.
import { parentPort } from 'node:worker_threads'
import { messageOf } from '../../../runtime/error.ts'
import { type CachedModules, type FromWorker, SHARED, type SandboxJob, type ToWorker } from '../thread.ts'
import { stepBack } from './priority.ts'
import { compileModule, type PlannedModule } from './prepare.ts'
import { runJob } from './run.ts'

const port = parentPort
if (port === null) throw new Error('this is the entry of a worker thread')

const thread = stepBack()

const send = (message: FromWorker) => port.postMessage(message)

/** The node's answer to a lookup. There is one job at a time, so at most one question is open. */
let answer: ((modules: CachedModules['modules']) => void) | undefined

port.on('message', (message: ToWorker) => {
  if (message.kind === 'run') void run(message)
  else answer?.(message.modules)
})

async function run(job: SandboxJob): Promise<void> {
  const flag = new Int32Array(job.shared)
  Atomics.store(flag, SHARED.thread, thread)
  const onOutput = () => {
    if (Atomics.exchange(flag, SHARED.news, 1) === 0) send({ kind: 'output' })
  }
  const onRoll = () => Atomics.store(flag, SHARED.rolled, 1)
  try {
    send({ kind: 'ended', ...(await runJob(job, { compile, onOutput, onRoll })) })
  } catch (error) {
    send({ kind: 'fault', message: messageOf(error) })
  }
}

async function compile(modules: readonly PlannedModule[]): Promise<WebAssembly.Module[]> {
  const { promise, resolve } = Promise.withResolvers<CachedModules['modules']>()
  answer = resolve
  send({ kind: 'lookup', keys: modules.map(({ key }) => key) })
  const cached = await promise
  return modules.map((planned, index) => {
    const known = cached[index]
    if (known !== undefined) return known
    const module = compileModule(planned)
    send({ kind: 'compiled', key: planned.key, module, bytes: planned.bytes.length })
    return module
  })
}
