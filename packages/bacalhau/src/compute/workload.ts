import {
  addResources,
  type FinalReport,
  fits,
  type HeldExecution,
  lacking,
  NO_RESOURCES,
  type Offer,
  type ReportMessage,
  type Resources,
  subtractResources,
} from '@bacalhau/models'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Journal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import { type Holding, newHolding, type Order } from './holding.ts'
import { Holdings } from './holdings.ts'
import { recoverHoldings } from './recovery.ts'
import type { ExecutionRunner, Refusal } from './runner.ts'
import { Preparations, type PreparationsOptions } from './preparations.ts'
import { isSafeId } from './safe-id.ts'
import { WaitingLine } from './waiting-line.ts'

export interface WorkloadOptions {
  readonly store: Store
  readonly journal: Journal
  readonly runner: ExecutionRunner
  /** What jobs may use together. */
  readonly capacity: Resources
  readonly clock: Clock
  readonly logger: Logger
  /** Why nothing new is taken for the moment; undefined when something is. */
  readonly shortage?: () => string | undefined
  /** Leaves a report for an orchestrator in the present unit of the journal. */
  readonly post: (orchestrator: string, report: ReportMessage) => void
  /** Tells an orchestrator, if it is there, how far an execution is before it runs. */
  readonly tell: PreparationsOptions['tell']
}

const STOPPED = new BacalhauError('NodeLost', 'the compute node was stopped while it ran the job')

/**
 * What runs on this machine and what waits for room, whoever ordered it.
 *
 *     offered ─► waiting ─► running ─► ended        a row in the store from "offered" to "ended"
 *        └─► refused  └────────┴─► cancelled        after a restart everything waits again
 *
 * Where it takes time to find out whether the node wants a job, its offer is answered that much later, and is not held until
 * then: should it get lost with the process, the orchestrator makes it anew.
 *
 * An execution is begun at once, not when its row is durable: a crash before that lets its offer be delivered again. What is
 * *told* of it goes through the outbox, and so only leaves when it is durable.
 */
export class Workload {
  readonly #options: WorkloadOptions
  readonly #holdings: Holdings
  readonly #waiting = new WaitingLine()
  readonly #preparations: Preparations
  /** The work on each running execution, to its very end. */
  readonly #work = new Set<Promise<void>>()
  /** Offered executions that the node is making its mind up about. */
  readonly #considered = new Map<string, Holding>()
  readonly #questions = new Set<Promise<void>>()
  readonly #asking = new AbortController()
  #used = NO_RESOURCES
  #stopping = false

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#holdings = new Holdings(options.journal, options.post)
    this.#preparations = new Preparations(options)
  }

  free(): Resources {
    return subtractResources(this.#options.capacity, this.#used)
  }

  running(): number {
    return this.#work.size
  }

  waiting(): number {
    return this.#waiting.length
  }

  held(orchestrator: string): HeldExecution[] {
    const held: HeldExecution[] = []
    for (const { executionId, state, orchestrator: owner } of this.#holdings.all()) {
      if (owner === orchestrator) held.push({ executionId, state })
    }
    return held
  }

  /** Puts what a former process left unfinished into the line, in front of whatever comes. */
  async recover(): Promise<void> {
    const { store, runner, logger, post } = this.#options
    const { held, lost, removals } = await recoverHoldings(store, this.#holdings, logger)
    // In the same turn as the reports, and so in the same unit: a crash leaves both or neither.
    this.#holdings.discard(...removals)
    for (const { executionId, orchestrator, message } of lost) {
      logger.warn({ executionId }, message)
      post(orchestrator, { type: 'failed', executionId, code: 'NodeLost', message })
    }
    await runner.recover(held)
    for (const holding of held) this.#waiting.add(holding)
    this.#advance()
  }

  take(orchestrator: string, offer: Offer): void {
    const order = this.#holdings.orderOf(orchestrator, offer)
    const first = offer.executions[0]
    if (first === undefined) return
    const holdings = offer.executions.map(({ id, partition }) => newHolding(id, orchestrator, order, partition))
    const sample = newHolding(first.id, orchestrator, order, first.partition)
    const refusal = this.#refusal(sample)
    const question = refusal !== undefined || order.users > 0 ? undefined : this.#ask(sample)
    if (question === undefined) return this.#answer(holdings, refusal)
    const fresh = holdings.filter(({ executionId }) => !this.#considered.has(executionId))
    for (const holding of fresh) this.#considered.set(holding.executionId, holding)
    const work: Promise<void> = question.then((opinion) => {
      this.#questions.delete(work)
      if (this.#stopping) return
      // Those that were cancelled meanwhile are answered already.
      const wanted = fresh.filter((holding) => this.#considered.get(holding.executionId) === holding)
      for (const { executionId } of wanted) this.#considered.delete(executionId)
      this.#answer(wanted, opinion)
    })
    this.#questions.add(work)
  }

  /** Would an offer be taken, as things are? Nothing is promised by it. */
  async consider(orchestrator: string, offer: Offer): Promise<Refusal | undefined> {
    const [first] = offer.executions
    if (first === undefined) return undefined
    const sample = newHolding(first.id, orchestrator, this.#holdings.orderOf(orchestrator, offer), first.partition)
    const refusal = this.#refusal(sample) ?? (this.#isFull() ? FULL : undefined)
    if (refusal !== undefined) return refusal
    if (!this.#hasRoom(sample.order) && this.#waiting.length >= LIMITS.queuedExecutions)
      return this.#crowded(sample.order)
    return this.#ask(sample)
  }

  #ask(sample: Holding): Promise<Refusal | undefined> | undefined {
    return this.#options.runner.consider?.(sample, this.#asking.signal)
  }

  #answer(holdings: readonly Holding[], refusal: Refusal | undefined): void {
    for (const holding of holdings) {
      const { executionId, orchestrator } = holding
      const refused = refusal ?? this.#takeOne(holding)
      if (refused === undefined) continue
      const reason = refused.reason.slice(0, LIMITS.message)
      this.#options.post(orchestrator, { type: 'refused', executionId, reason, later: refused.later })
    }
  }

  /** An orchestrator is there (again): it may not know how far its executions are. */
  greet(orchestrator: string): void {
    this.#preparations.repeat(orchestrator)
  }

  /** Ends an execution of this orchestrator, whatever it is doing. Of others, and of those that have ended, nothing happens. */
  cancel(orchestrator: string, executionId: string, reason: string): void {
    const holding = this.#holdings.get(executionId) ?? this.#considered.get(executionId)
    if (holding?.orchestrator !== orchestrator) return
    if (!this.#considered.delete(executionId) && !this.#waiting.remove(holding)) {
      holding.abort?.abort(new BacalhauError('ExecutionCancelled', reason))
      return
    }
    this.#holdings.end(holding, { type: 'cancelled', executionId, message: reason })
    this.#advance()
  }

  /** Interrupts what runs. It stays held, and is run again after the next start. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#asking.abort(STOPPED)
    for (const { abort } of this.#holdings.all()) abort?.abort(STOPPED)
    await Promise.all([...this.#work, ...this.#questions])
  }

  /** Why nothing of an offer is taken. */
  #refusal(sample: Holding): Refusal | undefined {
    if (this.#stopping) return { reason: 'this node is being stopped', later: true }
    const { trouble } = this.#options.journal
    if (trouble !== undefined) return { reason: `this node cannot write its store: ${trouble.message}`, later: true }
    const { order } = sample
    order.refusal ??= this.#unsuitable(sample)
    if (order.refusal !== null) return { reason: order.refusal, later: false }
    const shortage = this.#options.shortage?.()
    return shortage === undefined ? undefined : { reason: shortage, later: true }
  }

  #unsuitable(sample: Holding): string | null {
    const { capacity, runner } = this.#options
    if (!isSafeId(sample.job.ID)) return 'the job id is none'
    const missing = lacking(sample.resources, capacity)
    return runner.refusal(sample) ?? (missing.length === 0 ? null : `this node never has ${missing.join(', ')}`)
  }

  #takeOne(holding: Holding): Refusal | undefined {
    const { executionId, order, orchestrator } = holding
    if (!isSafeId(executionId)) return { reason: 'the execution id is none', later: false }
    const known = this.#holdings.get(executionId)
    if (known !== undefined) {
      if (known.orchestrator !== orchestrator) return { reason: 'the execution id is taken', later: false }
      return this.#repeat(known)
    }
    if (this.#waiting.length === 0 && this.#hasRoom(order)) {
      if (this.#runAtOnce(holding)) return undefined
      if (this.#isFull()) return FULL
      this.#holdings.add(holding)
      this.#begin(holding)
      return undefined
    }
    if (this.#isFull()) return FULL
    if (this.#waiting.length >= LIMITS.queuedExecutions) return this.#crowded(order)
    this.#holdings.add(holding)
    this.#waiting.add(holding)
    this.#advance()
    return undefined
  }

  #isFull(): boolean {
    return this.#holdings.size >= LIMITS.heldExecutions
  }

  #hasRoom({ resources }: Order): boolean {
    return fits(resources, this.free())
  }

  #crowded({ resources }: Order): Refusal {
    const missing = lacking(resources, this.free()).join(', ')
    const lacks = missing === '' ? '' : `lacks ${missing}, and `
    return { reason: `this node ${lacks}has ${this.#waiting.length} executions waiting`, later: true }
  }

  /** Offered again: the conversation was begun anew. The same answer is given again. */
  #repeat(holding: Holding): undefined {
    holding.told = 0
    this.#holdings.changed(holding)
  }

  /** Begins what waits, strictly in its order: whatever is large does not wait for ever while small ones pass by. */
  #advance(): void {
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      if (this.#stopping || !this.#hasRoom(next.order)) return
      this.#waiting.shift()
      if (!this.#runAtOnce(next)) this.#begin(next)
    }
  }

  #runAtOnce(holding: Holding): boolean {
    const report = this.#options.runner.runAtOnce?.(holding)
    if (report === undefined) return false
    this.#holdings.end(holding, report)
    return true
  }

  #begin(holding: Holding): void {
    const abort = new AbortController()
    holding.abort = abort
    holding.starts += 1
    this.#holdings.changed(holding)
    this.#used = addResources(this.#used, holding.resources)
    const work: Promise<void> = this.#perform(holding, abort.signal).then((report) => {
      this.#work.delete(work)
      this.#preparations.end(holding)
      this.#used = subtractResources(this.#used, holding.resources)
      holding.abort = undefined
      this.#conclude(holding, report, abort.signal)
      this.#advance()
    })
    this.#work.add(work)
  }

  async #perform(holding: Holding, signal: AbortSignal): Promise<FinalReport> {
    const { runner, logger } = this.#options
    const { executionId } = holding
    const onPreparing = (text: string) => this.#preparations.note(holding, text)
    const onProgress = (state: 6 | 7, note?: string) => {
      this.#preparations.end(holding)
      holding.state = state
      holding.note = note
      // That it runs is what people wait for; that it publishes is a detail.
      if (state === 6) this.#holdings.changed(holding)
      else this.#holdings.changedSoon(holding)
    }
    try {
      return await runner.run(holding, { onPreparing, onProgress }, signal)
    } catch (error) {
      logger.error({ executionId, error: messageOf(error) }, 'a fault of this program ended an execution')
      return { type: 'failed', executionId, code: 'InternalError', message: messageOf(error).slice(0, LIMITS.message) }
    }
  }

  #conclude(holding: Holding, report: FinalReport, { reason }: AbortSignal): void {
    if (reason !== STOPPED || report.type === 'completed') return this.#holdings.end(holding, report)
    // The node was stopped on purpose, so that says nothing against the job.
    holding.starts -= 1
    this.#holdings.changed(holding)
  }
}

const FULL: Refusal = { reason: `this node already holds ${LIMITS.heldExecutions} executions`, later: true }
