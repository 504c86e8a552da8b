import { writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { ExecutionOutcome, Executor } from '../executor.ts'

/** Milliseconds that a job takes; other parameters mean nothing here. */
const schema = z.looseObject({ DelayMs: z.number().min(0).default(0) })

/** An engine whose jobs do nothing, at once or after a delay. For measuring what surrounds them, and for trying a network out. */
export function createNoopExecutor({ clock }: { clock: Clock }): Executor {
  const stopping = new AbortController()
  return {
    engine: 'noop',
    available: async () => !stopping.signal.aborted,
    validate(params) {
      const result = schema.safeParse(params)
      if (!result.success) throw new BacalhauError('ValidationError', WRONG, { component: 'noop' })
    },
    async run({ params, limits, stdoutPath, stderrPath }, _observer, signal) {
      const { data } = schema.safeParse(params)
      if (data === undefined) return failed('ValidationError', WRONG)
      const late = limits.time > 0 && data.DelayMs > limits.time
      try {
        await Promise.all([stdoutPath, stderrPath].map((path) => writeFile(path, '', { flag: 'a' })))
        await sleep(clock, late ? limits.time : data.DelayMs, AbortSignal.any([signal, stopping.signal]))
      } catch (error) {
        if (signal.aborted || stopping.signal.aborted) return failed('ExecutionCancelled', 'the job was cancelled')
        throw error
      }
      if (late)
        return failed('ExecutionTimeout', `the job ran longer than the ${limits.time / 1000} s that it may take`)
      return { kind: 'exited', exitCode: 0 }
    },
    async stop() {
      stopping.abort()
    },
  }
}

const WRONG = 'Engine.Params: DelayMs must be a number of milliseconds, 0 or more'

function failed(code: string, message: string): ExecutionOutcome {
  return { kind: 'failed', code, message }
}
