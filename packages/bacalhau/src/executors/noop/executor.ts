import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { ExecutionOutcome, ExecutionRequest, Executor } from '../executor.ts'

/** An engine whose jobs do nothing, at once or after a delay. For measuring what surrounds them, and for trying a network out. */
export function createNoopExecutor({ clock }: { clock: Clock }): Executor {
  const stopping = new AbortController()
  return {
    engine: 'noop',
    fileless: true,
    // Nothing is given, but what counts them can be tried out.
    givesGpus: true,
    available: async () => !stopping.signal.aborted,
    validate(params) {
      if (delayOf(params) === undefined) throw new BacalhauError('ValidationError', WRONG, { component: 'noop' })
    },
    runAtOnce: (params) => (delayOf(params) === 0 && !stopping.signal.aborted ? DONE : undefined),
    async run({ params, limits }, _observer, signal) {
      const delay = delayOf(params)
      if (delay === undefined) return failed('ValidationError', WRONG)
      const late = limits.time > 0 && delay > limits.time
      try {
        await sleep(clock, late ? limits.time : delay, AbortSignal.any([signal, stopping.signal]))
      } catch {
        return failed('ExecutionCancelled', 'the job was cancelled')
      }
      return late
        ? failed('ExecutionTimeout', `the job ran longer than the ${limits.time / 1000} s that it may take`)
        : DONE
    },
    async stop() {
      stopping.abort()
    },
  }
}

const DONE: ExecutionOutcome = { kind: 'exited', exitCode: 0 }
const WRONG = 'Engine.Params: DelayMs must be a number of milliseconds, 0 or more'

/** Milliseconds that a job takes; other parameters mean nothing here. Undefined when it is none. */
function delayOf({ DelayMs = 0 }: ExecutionRequest['params']): number | undefined {
  return typeof DelayMs === 'number' && DelayMs >= 0 && Number.isFinite(DelayMs) ? DelayMs : undefined
}

function failed(code: string, message: string): ExecutionOutcome {
  return { kind: 'failed', code, message }
}
