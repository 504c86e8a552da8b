import type { FinalReport, Job } from '@bacalhau/models'
import type { Executor } from '../executors/executor.ts'
import { rollingWithin } from '../executors/rolling-output.ts'
import type { LogChunk, LogOptions } from '../link/logs.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { refusal } from './admission.ts'
import { type Capabilities, executorFor, publishes } from './capabilities.ts'
import {
  executionFolder,
  type ExecutionName,
  joinOutput,
  leftovers,
  shrinkExecutionFolder,
} from './execution-folder.ts'
import { finishedLog, type JoinedOutput, OutputLog, readOutput } from './output-log.ts'
import type { NodeEnvironment } from './policy/node-environment.ts'
import type { AdmissionPolicy } from './policy/policy.ts'
import { createRetention, type Retention } from './retention.ts'
import { NO_RESULT, outputOf, runExecution, runFileless } from './run-execution.ts'
import type { ExecutionOrder, ExecutionRunner, Refusal, RunHooks } from './runner.ts'

export interface RunnerOptions {
  /** Folder of the executions; owned by this runner alone. */
  readonly folder: string
  readonly capabilities: Capabilities
  /** What the operator wants of jobs. */
  readonly policy: AdmissionPolicy
  readonly environment: NodeEnvironment
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes of standard output and of standard error, each, that a run may leave; `LIMITS.executionOutput` where absent. */
  readonly outputLimit?: number
  /** Milliseconds for which they stay readable; `LIMITS.outputRetention` where absent. */
  readonly outputTime?: number
}

export interface LocalRunner extends ExecutionRunner {
  /** The disk is nearly full: lets go of what it keeps for readers only. */
  relieve(): void
}

/** Runs executions with the engines, sources and publishers of this machine, each in a folder of its own. */
export function createExecutionRunner(options: RunnerOptions): LocalRunner {
  return new FolderRunner(options)
}

class FolderRunner implements LocalRunner {
  readonly #options: RunnerOptions
  readonly #retention: Retention
  /** Output of what runs now. */
  readonly #live = new Map<string, { readonly orchestrator: string; readonly log: OutputLog }>()
  /** Folders that are being freed of what need not be kept. */
  readonly #cleaning = new Map<string, Promise<number>>()
  /** The engine of jobs that touch no file; null for other jobs. */
  readonly #fileless = new WeakMap<Job, Executor | null>()

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#retention = createRetention(options.clock, options.folder, options.outputTime)
  }

  refusal(order: ExecutionOrder): string | undefined {
    return refusal(order, this.#options)
  }

  consider({ job }: ExecutionOrder, signal: AbortSignal): Promise<Refusal | undefined> | undefined {
    return this.#options.policy.consider(job, signal)
  }

  runAtOnce({ executionId, job }: ExecutionOrder): FinalReport | undefined {
    const outcome = this.#filelessEngine(job)?.runAtOnce?.(job.Tasks[0]?.Engine.Params ?? {})
    if (outcome?.kind !== 'exited') return undefined
    return { type: 'completed', executionId, output: outputOf(outcome), result: NO_RESULT, milliseconds: 0 }
  }

  async run(order: ExecutionOrder, hooks: RunHooks, signal: AbortSignal): Promise<FinalReport> {
    const { executionId, orchestrator } = order
    const log = new OutputLog(rollingWithin(this.#options.outputLimit ?? LIMITS.executionOutput))
    const context = {
      ...this.#options,
      folder: executionFolder(this.#options.folder, order),
      onOutput: () => log.notify(),
      onJoined: (joined: JoinedOutput) => log.join(joined),
      onProgress: (state: 6 | 7, note?: string) => hooks.onProgress(state, note),
      onPreparing: (text: string) => hooks.onPreparing(text),
    }
    const engine = this.#filelessEngine(order.job)
    if (engine !== null) return runFileless(order, engine, context, signal)
    this.#live.set(executionId, { orchestrator, log })
    await this.#cleaning.get(executionId)
    const report = await runExecution(order, context, signal)
    log.finish()
    this.#live.delete(executionId)
    this.#retention.keep(order)
    // Not on the way of the report.
    const cleaning = this.#shrink(order).finally(() => this.#cleaning.delete(executionId))
    void cleaning.then((bytes) => this.#retention.weigh(executionId, bytes))
    this.#cleaning.set(executionId, cleaning)
    return report
  }

  /** Output of executions that have ended stays readable; what the others left is removed when they begin anew. */
  async recover(held: readonly ExecutionOrder[]): Promise<void> {
    const { capabilities, clock, folder } = this.#options
    const wanted = new Set(held.map(({ executionId }) => executionId))
    for (const executor of capabilities.executors) await executor.recover?.(wanted)
    const again = new Set(held.map((order) => executionFolder(folder, order).root))
    for (const { changed, root, ...name } of await leftovers(folder)) {
      if (again.has(root)) continue
      const bytes = await this.#joinAndShrink(name)
      if (bytes === 0) continue
      this.#retention.keep(name, clock.now() - changed)
      this.#retention.weigh(name.executionId, bytes)
    }
  }

  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk> {
    const live = this.#live.get(executionId)
    const orchestrator = live?.orchestrator ?? this.#retention.owner(executionId)
    if (orchestrator === undefined || orchestrator !== options.reader)
      throw new BacalhauError('NotFound', `this node holds no output of execution ${executionId}`)
    const folder = executionFolder(this.#options.folder, { orchestrator, executionId })
    return readOutput(folder, live?.log ?? finishedLog(), options, signal)
  }

  relieve(): void {
    this.#retention.relieve()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#cleaning.values())
    await this.#retention.stop()
  }

  /** The same for what a crash left, which may have been rolling. */
  async #joinAndShrink(name: ExecutionName): Promise<number> {
    await joinOutput(executionFolder(this.#options.folder, name)).catch(() => undefined)
    return this.#shrink(name)
  }

  /** Keeps the output only; its bytes. */
  async #shrink(name: ExecutionName): Promise<number> {
    try {
      return await shrinkExecutionFolder(executionFolder(this.#options.folder, name))
    } catch (error) {
      const { executionId } = name
      this.#options.logger.error({ executionId, error: messageOf(error) }, 'cannot clean up after an execution')
      // Whatever is left of it is to be removed in its turn.
      return 1
    }
  }

  #filelessEngine(job: Job): Executor | null {
    const known = this.#fileless.get(job)
    if (known !== undefined) return known
    const engine = filelessEngine(job, this.#options.capabilities)
    this.#fileless.set(job, engine)
    return engine
  }
}

function filelessEngine(job: Job, capabilities: Capabilities): Executor | null {
  const [task] = job.Tasks
  if (task === undefined || publishes(task.Publisher) || task.InputSources.length > 0) return null
  const engine = executorFor(capabilities, task.Engine)
  return engine.fileless === true ? engine : null
}
