import {
  addResources,
  NO_RESOURCES,
  type Offer,
  parseRecord,
  type Resources,
  subtractResources,
} from '@bacalhau/models'
import type { LogChunk, LogOptions } from '../link/logs.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { put, remove, type Row, type Store } from '../store/store.ts'
import { type Refusal, refusal } from './admission.ts'
import type { Capabilities } from './capabilities.ts'
import { executionFolder, removeUnknownFolders, shrinkExecutionFolder } from './execution-folder.ts'
import { type HeldExecution, heldExecutionSchema } from './held-execution.ts'
import { finishedLog, OutputLog, readOutput } from './output-log.ts'
import { createRetention, type Retention } from './retention.ts'
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
  /** Has this node said that it takes the execution? */
  readonly accepted: boolean
  readonly report: FinalReport | undefined
}

/** Everything that runs on this machine, whoever ordered it. */
export interface ComputeNode extends Stoppable {
  readonly capacity: Resources
  free(): Resources
  running(): number
  /** Reports about executions of `orchestrator` go to `listener` until another one takes its place. */
  listen(orchestrator: string, listener: ExecutionListener): void
  /** Takes or refuses an execution; the answer goes to the listener. Offering the same one again repeats the answer. */
  offer(orchestrator: string, offer: Offer): void
  /** Ends an execution of this orchestrator, whatever it is doing. Unknown ones are none of its business: nothing happens. */
  cancel(orchestrator: string, executionId: string, reason: string): void
  /** The orchestrator has recorded the end. */
  settled(orchestrator: string, executionId: string): Promise<void>
  /** What this node holds for an orchestrator, for the handshake. */
  held(orchestrator: string): readonly HeldSummary[]
  /** Throws `NotFound` for an execution that is not here or not the reader's. */
  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>
}

/** Opens the compute side. Executions that a crash interrupted are reported as failed to their orchestrators. */
export async function createComputeNode(options: ComputeOptions): Promise<ComputeNode> {
  const node = new Compute(options)
  await node.recover()
  return node
}

/** An execution that runs, or is on the way to it. */
interface Live {
  readonly orchestrator: string
  readonly offer: Offer
  readonly abort: AbortController
  readonly log: OutputLog
  accepted: boolean
}

class Compute implements ComputeNode {
  readonly capacity: Resources
  readonly #options: ComputeOptions
  readonly #listeners = new Map<string, ExecutionListener>()
  readonly #live = new Map<string, Live>()
  /** Ended here, not settled there. */
  readonly #ended = new Map<string, HeldExecution>()
  readonly #retention: Retention
  /** The work on each live execution, to its very end. */
  readonly #work = new Set<Promise<void>>()
  #used = NO_RESOURCES
  #stopping = false

  constructor(options: ComputeOptions) {
    this.#options = options
    this.capacity = options.capacity
    this.#retention = createRetention(options.clock, options.folder)
  }

  async recover(): Promise<void> {
    const { store, folder } = this.#options
    const rows = await store.range('held', { limit: Number.MAX_SAFE_INTEGER })
    for (const row of rows) await this.#recoverOne(row)
    await removeUnknownFolders(folder, new Set(this.#ended.keys()))
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

  offer(orchestrator: string, offer: Offer): void {
    const { executionId } = offer
    if (this.#live.has(executionId) || this.#ended.has(executionId)) return this.#repeat(orchestrator, executionId)
    const refused = this.#refusal(offer)
    if (refused !== undefined) return this.#listeners.get(orchestrator)?.refused(executionId, refused)
    const live = { orchestrator, offer, abort: new AbortController(), log: new OutputLog(), accepted: false }
    this.#live.set(executionId, live)
    // Reserved before anything is awaited, so that a second offer cannot be promised the same resources.
    this.#used = addResources(this.#used, offer.resources)
    const work = this.#perform(live)
      .catch((error: unknown) => this.#complain(executionId, error, 'an execution was not brought to its end'))
      .finally(() => this.#work.delete(work))
    this.#work.add(work)
  }

  cancel(orchestrator: string, executionId: string, reason: string): void {
    const live = this.#live.get(executionId)
    if (live?.orchestrator === orchestrator) live.abort.abort(new BacalhauError('ExecutionCancelled', reason))
  }

  async settled(orchestrator: string, executionId: string): Promise<void> {
    if (this.#ended.get(executionId)?.orchestrator !== orchestrator) return
    this.#ended.delete(executionId)
    await this.#options.store.commit([remove('held', executionId)])
  }

  held(orchestrator: string): readonly HeldSummary[] {
    const live = [...this.#live.values()].map(({ orchestrator, offer, accepted }) => ({
      orchestrator,
      executionId: offer.executionId,
      accepted,
      report: undefined,
    }))
    const ended = [...this.#ended.values()].map((held) => ({ ...held, accepted: true, report: reportOf(held) }))
    return [...live, ...ended]
      .filter((held) => held.orchestrator === orchestrator)
      .map(({ executionId, accepted, report }) => ({ executionId, accepted, report }))
  }

  readLogs(executionId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk> {
    const live = this.#live.get(executionId)
    const owner = live?.orchestrator ?? this.#ended.get(executionId)?.orchestrator ?? this.#retention.owner(executionId)
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
    await Promise.all(this.#work)
    await this.#retention.stop()
  }

  async #recoverOne({ key, value }: Row): Promise<void> {
    const { store, folder } = this.#options
    const parsed = parseRecord(heldExecutionSchema, value)
    if (!parsed.ok) {
      this.#complain(key, parsed.problems[0]?.message, 'a damaged record; its orchestrator will take it for lost')
      return store.commit([remove('held', key)])
    }
    const held = parsed.value.report === undefined ? interrupted(parsed.value) : parsed.value
    this.#ended.set(key, held)
    this.#retention.keep(key, held.orchestrator)
    if (held === parsed.value) return
    await store.commit([put('held', key, held)])
    await this.#shrink(key, executionFolder(folder, key))
  }

  #refusal(offer: Offer): Refusal | undefined {
    if (this.#stopping) return { reason: 'this node is being stopped', later: true }
    if (this.#live.size + this.#ended.size >= LIMITS.heldExecutions)
      return { reason: `this node already holds ${LIMITS.heldExecutions} executions`, later: true }
    return refusal(offer, this.#options.capabilities, this.free())
  }

  async #perform(live: Live): Promise<void> {
    try {
      if (await this.#accept(live)) await this.#run(live)
    } finally {
      this.#release(live)
    }
  }

  /** Frees what a live execution uses. Before its end is told, so that the resources can be offered for at once. */
  #release({ offer }: Live): void {
    if (this.#live.delete(offer.executionId)) this.#used = subtractResources(this.#used, offer.resources)
  }

  /** Records the execution and says so. False when it cannot be recorded: then it has not been taken. */
  async #accept(live: Live): Promise<boolean> {
    const { orchestrator, offer } = live
    const { executionId } = offer
    const held: HeldExecution = { executionId, orchestrator }
    try {
      await this.#options.store.commit([put('held', executionId, held)])
    } catch (error) {
      this.#complain(executionId, error, 'cannot record an execution; it is refused')
      const refused = { reason: 'this node cannot write its store', later: true }
      this.#listeners.get(orchestrator)?.refused(executionId, refused)
      return false
    }
    live.accepted = true
    this.#listeners.get(orchestrator)?.accepted(executionId)
    return true
  }

  async #run(live: Live): Promise<void> {
    const { orchestrator, offer, log, abort } = live
    const { store, folder: base } = this.#options
    const { executionId } = offer
    const folder = executionFolder(base, executionId)
    const context = {
      ...this.#options,
      folder,
      onOutput: () => log.notify(),
      onProgress: (state: 'running' | 'publishing') => this.#listeners.get(orchestrator)?.progress(executionId, state),
    }
    const report = await runExecution(offer, context, abort.signal)
    log.finish()
    const ended: HeldExecution = { executionId, orchestrator, report }
    try {
      await store.commit([put('held', executionId, ended)])
    } catch (error) {
      // Without the record a crash would lose the report, but the report itself is still true.
      this.#complain(executionId, error, 'cannot record the end of an execution')
    }
    this.#release(live)
    this.#ended.set(executionId, ended)
    this.#retention.keep(executionId, orchestrator)
    this.#listeners.get(orchestrator)?.ended(report)
    await this.#shrink(executionId, folder)
  }

  async #shrink(executionId: string, folder: ReturnType<typeof executionFolder>): Promise<void> {
    try {
      await shrinkExecutionFolder(folder)
    } catch (error) {
      this.#complain(executionId, error, 'cannot clean up after an execution')
    }
  }

  #repeat(orchestrator: string, executionId: string): void {
    const held = this.held(orchestrator).find((known) => known.executionId === executionId)
    if (held?.accepted === true) this.#listeners.get(orchestrator)?.accepted(executionId)
    if (held?.report !== undefined) this.#listeners.get(orchestrator)?.ended(held.report)
  }

  #complain(executionId: string, error: unknown, message: string): void {
    this.#options.logger.error({ executionId, error: messageOf(error) }, message)
  }
}

/** The schema has checked that the report is a final one. */
const reportOf = ({ report }: HeldExecution) => report as FinalReport | undefined

function interrupted(held: HeldExecution): HeldExecution {
  const message = 'the compute node was restarted while it ran the job'
  return { ...held, report: { type: 'failed', executionId: held.executionId, code: 'NodeLost', message } }
}
