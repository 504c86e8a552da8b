import {
  type Offer,
  parseRecord,
  type Resources,
  subtractResources,
  addResources,
  NO_RESOURCES,
} from '@bacalhau/models'
import type { LogChunk, LogOptions } from '../link/logs.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { put, remove, type Store } from '../store/store.ts'
import { type Refusal, refusal } from './admission.ts'
import type { Capabilities } from './capabilities.ts'
import { executionFolder, removeUnknownFolders, shrinkExecutionFolder } from './execution-folder.ts'
import { type HeldExecution, heldExecutionSchema } from './held-execution.ts'
import { OutputLog, readOutput } from './output-log.ts'
import { createRetention } from './retention.ts'
import { type FinalReport, runExecution } from './run-execution.ts'

export interface ComputeOptions {
  readonly store: Store
  /** Folder of the executions; owned by this node alone. */
  readonly folder: string
  readonly capabilities: Capabilities
  /** What jobs may use together. */
  readonly capacity: Resources
  readonly clock: Clock
  readonly logger: Logger
}

/** What a compute node tells the orchestrator about an execution. Called after the fact is on disk, where it has to be. */
export interface ExecutionListener {
  accepted(executionId: string): void
  refused(executionId: string, refusal: Refusal): void
  progress(executionId: string, state: 'running' | 'publishing'): void
  ended(report: FinalReport): void
}

export interface HeldSummary {
  readonly executionId: string
  readonly report: FinalReport | undefined
}

interface Live {
  readonly held: HeldExecution
  readonly abort: AbortController
  readonly log: OutputLog
  readonly done: Promise<void>
}

/** Everything that runs on this machine, whoever ordered it. */
export interface ComputeNode extends Stoppable {
  readonly capacity: Resources
  free(): Resources
  running(): number
  /** Reports about executions of `orchestrator` go to `listener` until another one takes its place. */
  listen(orchestrator: string, listener: ExecutionListener): void
  /** Takes or refuses an execution; the answer goes to the listener. Offering the same one again repeats the answer. */
  offer(orchestrator: string, offer: Offer): Promise<void>
  /** Ends an execution of this orchestrator, whatever it is doing. Unknown ones are none of its business: nothing happens. */
  cancel(orchestrator: string, executionId: string, reason: string): void
  /** The orchestrator has recorded the end. */
  settled(orchestrator: string, executionId: string): Promise<void>
  /** What this node holds for an orchestrator, for the handshake. */
  held(orchestrator: string): readonly HeldSummary[]
  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>
}

/** Opens the compute side. Executions that a crash interrupted are reported as failed to their orchestrators. */
export async function createComputeNode(options: ComputeOptions): Promise<ComputeNode> {
  const node = new Compute(options)
  await node.recover()
  return node
}

class Compute implements ComputeNode {
  readonly capacity: Resources
  readonly #options: ComputeOptions
  readonly #listeners = new Map<string, ExecutionListener>()
  /** Running, or on the way to it. */
  readonly #live = new Map<string, Live>()
  /** Ended here, not settled there. */
  readonly #ended = new Map<string, HeldExecution>()
  readonly #retention: ReturnType<typeof createRetention>
  #used = NO_RESOURCES
  #stopping = false

  constructor(options: ComputeOptions) {
    this.#options = options
    this.capacity = options.capacity
    this.#retention = createRetention(options.clock, options.folder)
  }

  async recover(): Promise<void> {
    const { store, folder, logger } = this.#options
    const rows = await store.range('held', { limit: Number.MAX_SAFE_INTEGER })
    for (const { key, value } of rows) {
      const parsed = parseRecord(heldExecutionSchema, value)
      if (!parsed.ok) {
        logger.error(
          { executionId: key },
          'a record of an execution is damaged; its orchestrator will take it for lost',
        )
        await store.commit([remove('held', key)])
        continue
      }
      const held = parsed.value.report === undefined ? interrupted(parsed.value) : parsed.value
      if (held !== parsed.value) await store.commit([put('held', key, held)])
      this.#ended.set(key, held)
    }
    await removeUnknownFolders(folder, new Set(rows.map(({ key }) => key)))
  }

  free(): Resources {
    return subtractResources(this.capacity, this.#used)
  }

  running(): number {
    return this.#live.size
  }

  listen(orchestrator: string, listener: ExecutionListener): void {
    this.#listeners.set(orchestrator, listener)
  }

  async offer(orchestrator: string, offer: Offer): Promise<void> {
    const { executionId } = offer
    const known = this.#live.get(executionId)?.held ?? this.#ended.get(executionId)
    if (known !== undefined) return this.#repeat(known, orchestrator)
    const refused = this.#stopping
      ? { reason: 'this node is being stopped', later: true }
      : refusal(offer, this.#options.capabilities, this.free())
    if (refused !== undefined) return this.#tell(orchestrator)?.refused(executionId, refused)
    const held: HeldExecution = { executionId, orchestrator, offer }
    // Reserved before the first await, so that a second offer cannot be promised the same resources.
    this.#used = addResources(this.#used, offer.resources)
    const live = { held, abort: new AbortController(), log: new OutputLog(), done: Promise.resolve() }
    const begin = this.#begin(live)
    this.#live.set(executionId, { ...live, done: begin })
    await begin
  }

  cancel(orchestrator: string, executionId: string, reason: string): void {
    const live = this.#live.get(executionId)
    if (live?.held.orchestrator === orchestrator) live.abort.abort(new BacalhauError('ExecutionCancelled', reason))
  }

  async settled(orchestrator: string, executionId: string): Promise<void> {
    if (this.#ended.get(executionId)?.orchestrator !== orchestrator) return
    this.#ended.delete(executionId)
    await this.#options.store.commit([remove('held', executionId)])
  }

  held(orchestrator: string): readonly HeldSummary[] {
    const live = [...this.#live.values()].map(({ held }) => held)
    return [...live, ...this.#ended.values()]
      .filter((held) => held.orchestrator === orchestrator)
      .map(({ executionId, report }) => ({ executionId, report: report as FinalReport | undefined }))
  }

  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk> {
    const live = this.#live.get(executionId)
    const owner =
      live?.held.orchestrator ?? this.#ended.get(executionId)?.orchestrator ?? this.#retention.owner(executionId)
    if (owner !== options.reader)
      throw new BacalhauError('NotFound', `this node holds no output of execution ${executionId}`)
    return readOutput(executionFolder(this.#options.folder, executionId), live?.log ?? finishedLog(), options, signal)
  }

  /** Ends everything that runs, reports it, and keeps what could not be reported for the next start. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const { abort } of this.#live.values()) {
      abort.abort(new BacalhauError('NodeLost', 'the compute node was stopped while it ran the job'))
    }
    await Promise.all([...this.#live.values()].map(({ done }) => done))
    this.#retention.stop()
  }

  async #begin(live: Live): Promise<void> {
    const { executionId, orchestrator } = live.held
    try {
      await this.#options.store.commit([put('held', executionId, live.held)])
    } catch (error) {
      this.#free(live)
      this.#options.logger.error({ executionId, error: String(error) }, 'cannot record an execution; it is refused')
      this.#tell(orchestrator)?.refused(executionId, { reason: 'this node cannot write its store', later: true })
      return
    }
    this.#tell(orchestrator)?.accepted(executionId)
    await this.#run(live)
  }

  async #run(live: Live): Promise<void> {
    const { held, log, abort } = live
    const { executionId, orchestrator, offer } = held
    const folder = executionFolder(this.#options.folder, executionId)
    const context = {
      capabilities: this.#options.capabilities,
      logger: this.#options.logger,
      folder,
      onOutput: () => log.notify(),
      onProgress: (state: 'running' | 'publishing') => this.#tell(orchestrator)?.progress(executionId, state),
    }
    const report = await runExecution(offer, context, abort.signal)
    log.finish()
    const ended: HeldExecution = { ...held, report }
    try {
      await this.#options.store.commit([put('held', executionId, ended)])
    } catch (error) {
      // Without the record a crash would lose the report, but the report itself is still true.
      this.#options.logger.error({ executionId, error: String(error) }, 'cannot record the end of an execution')
    }
    this.#ended.set(executionId, ended)
    this.#free(live)
    this.#retention.keep(executionId, orchestrator)
    this.#tell(orchestrator)?.ended(report)
    await shrinkExecutionFolder(folder).catch((error: unknown) => {
      this.#options.logger.warn({ executionId, error: String(error) }, 'cannot clean up after an execution')
    })
  }

  #free({ held }: Live): void {
    this.#live.delete(held.executionId)
    this.#used = subtractResources(this.#used, held.offer.resources)
  }

  #repeat(held: HeldExecution, orchestrator: string): void {
    if (held.orchestrator !== orchestrator) return
    this.#tell(orchestrator)?.accepted(held.executionId)
    if (held.report !== undefined) this.#tell(orchestrator)?.ended(held.report as FinalReport)
  }

  #tell(orchestrator: string): ExecutionListener | undefined {
    return this.#listeners.get(orchestrator)
  }
}

function finishedLog(): OutputLog {
  const log = new OutputLog()
  log.finish()
  return log
}

function interrupted(held: HeldExecution): HeldExecution {
  const message = 'the compute node was restarted while it ran the job'
  return { ...held, report: { type: 'failed', executionId: held.executionId, code: 'NodeLost', message } }
}
