import { type Job, type RunOutput, type SpecConfig, taskOf } from './job-task.ts'
import type { ExecutionOrder, ExecutionRunner, FinalReport } from '../../../src/compute/runner.ts'
import type { LogChunk, LogOptions } from '../../../src/link/logs.ts'
import { sleep } from '../../../src/runtime/clock.ts'
import { BacalhauError, isBacalhauError } from '../../../src/runtime/error.ts'
import { abortable } from '../../../src/runtime/abort.ts'
import type { Life } from './machine.ts'
import type { RunLedger } from './run-ledger.ts'

/** What a job of the engine `script` does. All of it may be left out: then it ends at once with code 0. */
export interface Script {
  /** Text for standard output. */
  readonly Say?: string
  readonly Milliseconds?: number
  /** Goes on until it is released, or for ever. */
  readonly Hold?: boolean
  /** Ends as a failure with this code: always, or the first `FailTimes` runs of each partition. */
  readonly Fail?: string
  readonly FailTimes?: number
  readonly ExitCode?: number
  /** Milliseconds that publishing takes, and that the end takes when the run is ended from outside. */
  readonly Publish?: number
  readonly Dying?: number
  /** Needs no time and no files. */
  readonly AtOnce?: boolean
  /** The node refuses such a job for good. */
  readonly Refuse?: string
}

export interface SimulatedRunner extends ExecutionRunner {
  /** Lets runs that hold, or that will, go on; without an id all of them. */
  release(executionId?: string): void
}

/** Jobs of the old form know only containers: there the script is in what would be run. */
function scriptOf(job: Job): Script {
  const { Type, Params = {} } = taskOf(job).Engine
  if (Type !== 'docker') return Params
  const [text = '{}'] = Params['Entrypoint'] as string[]
  return JSON.parse(text) as Script
}

/** Runs jobs that say of themselves what they do, on the clock of `life`, and counts them in `ledger`. */
export function createSimulatedRunner(node: string, life: Life, ledger: RunLedger): SimulatedRunner {
  const holds = new Map<string, PromiseWithResolvers<void>>()
  const logs = new Map<string, { readonly text: string; readonly ended: PromiseWithResolvers<void> }>()
  let open = false

  const holdOf = (executionId: string) => {
    const hold = holds.get(executionId) ?? Promise.withResolvers<void>()
    holds.set(executionId, hold)
    return hold
  }

  async function perform(
    order: ExecutionOrder,
    onProgress: (state: 6 | 7) => void,
    earlier: number,
    signal: AbortSignal,
  ) {
    const script = scriptOf(order.job)
    onProgress(6)
    await sleep(life.clock, script.Milliseconds ?? 0, signal)
    if (script.Hold === true && !open) await abortable(holdOf(order.executionId).promise, signal)
    if (script.Fail !== undefined && earlier < (script.FailTimes ?? Infinity)) {
      return failure(order.executionId, script.Fail, `failed: ${script.Fail}`)
    }
    if (taskOf(order.job).Publisher.Type !== '') {
      onProgress(7)
      await sleep(life.clock, script.Publish ?? 0, signal)
    }
    return completion(order, script)
  }

  return {
    refusal: ({ job }) => {
      const { Type } = taskOf(job).Engine
      return Type === 'script' || Type === 'docker'
        ? scriptOf(job).Refuse
        : `this node does not support the engine "${Type}", only script`
    },
    runAtOnce(order) {
      const script = scriptOf(order.job)
      if (script.AtOnce !== true || life.dead) return undefined
      ledger.begin(node, order)
      ledger.end(node, order.executionId)
      return completion(order, script)
    },
    async run(order, hooks, signal) {
      if (life.dead) return new Promise(() => undefined)
      const { executionId, job } = order
      const script = scriptOf(job)
      const earlier = ledger.begin(node, order)
      const log = { text: script.Say ?? '', ended: Promise.withResolvers<void>() }
      logs.set(executionId, log)
      const limit = limited(life, signal, taskOf(job).Timeouts.ExecutionTimeout)
      try {
        return await perform(order, (state) => hooks.onProgress(state), earlier, limit.signal)
      } catch (error) {
        if (!limit.signal.aborted) throw error
        await sleep(life.clock, script.Dying ?? 0)
        return reportOf(executionId, limit.signal.reason)
      } finally {
        limit.done()
        if (!life.dead) {
          ledger.end(node, executionId)
          log.ended.resolve()
        }
      }
    },
    recover: async () => undefined,
    async *readLogs(executionId: string, { follow }: LogOptions, signal: AbortSignal): AsyncGenerator<LogChunk> {
      const log = logs.get(executionId)
      if (log === undefined) throw new BacalhauError('NotFound', `no output of ${executionId}`)
      yield { stream: 'stdout', bytes: Buffer.from(log.text) }
      if (follow) await abortable(log.ended.promise, signal)
    },
    release(executionId) {
      if (executionId !== undefined) return holdOf(executionId).resolve()
      open = true
      for (const { resolve } of holds.values()) resolve()
    },
    stop: async () => undefined,
  }
}

/** `signal`, which also aborts when the time of a run is over. */
function limited(life: Life, signal: AbortSignal, seconds = 0) {
  const abort = new AbortController()
  const onAbort = () => abort.abort(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const late = () => abort.abort(new BacalhauError('ExecutionTimeout', `the run took longer than ${seconds}s`))
  const timer = seconds > 0 ? life.clock.after(seconds * 1_000, late) : undefined
  const done = () => {
    signal.removeEventListener('abort', onAbort)
    timer?.cancel()
  }
  return { signal: abort.signal, done }
}

function reportOf(executionId: string, reason: unknown): FinalReport {
  const message = reason instanceof Error ? reason.message : String(reason)
  const code = isBacalhauError(reason) ? reason.code : 'InternalError'
  return code === 'ExecutionCancelled'
    ? { type: 'cancelled', executionId, message }
    : failure(executionId, code, message)
}

const failure = (executionId: string, code: string, message: string): FinalReport => ({
  type: 'failed',
  executionId,
  code,
  message,
})

function completion({ executionId, job }: ExecutionOrder, script: Script): FinalReport {
  const output: RunOutput = {
    Stdout: script.Say ?? '',
    StdoutTruncated: false,
    stderr: '',
    StderrTruncated: false,
    ExitCode: script.ExitCode ?? 0,
    ErrorMsg: '',
  }
  const { Type } = taskOf(job).Publisher
  const result: SpecConfig = Type === '' ? { Type: '' } : { Type, Params: { Execution: executionId } }
  return { type: 'completed', executionId, output, result, milliseconds: script.Milliseconds ?? 0 }
}
