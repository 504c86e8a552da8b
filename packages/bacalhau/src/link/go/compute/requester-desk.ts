import type { OrderMessage, ReportMessage, SpecConfig } from '@bacalhau/models'
import { retryPause } from '../../../network/backoff.ts'
import { type Clock, sleep, type Timer } from '../../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import { uuid } from '../../../runtime/ids.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Random } from '../../../runtime/random.ts'
import type { Journal } from '../../../store/journal.ts'
import type { ComputeChannel } from '../../link-protocol.ts'
import { type ReadJob, readJob, readJobB } from '../jobs/read-job.ts'
import type { ExecutionResponse } from '../wire/messages.ts'
import * as say from './callbacks.ts'
import { Courier } from './courier.ts'
import { createRequesterChannel, type RequesterChannel } from './requester-channel.ts'
import type { GoState } from './taken.ts'
import type { Entry, TakenTable } from './taken-table.ts'

/** An execution that a requester asks for. */
export interface Ask {
  readonly executionId: string
  readonly jobId: string
  readonly generation: 'b' | 'c'
  readonly approval: boolean
  readonly job: unknown
  /** Multiaddrs at which the requester can be called back. */
  readonly addresses: readonly string[]
}

export type Offered = Extract<OrderMessage, { type: 'offer' }>

export interface RequesterDeskOptions {
  readonly requester: string
  /** Peer ID of this node. */
  readonly self: string
  readonly sameMachine: boolean
  readonly table: TakenTable
  readonly journal: Pick<Journal, 'flushed'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Why this node would not take an offer; undefined when it would. */
  readonly consider: (requester: string, offer: Offered) => Promise<string | undefined>
  /** One attempt to tell the requester something. */
  readonly send: (callback: say.Callback, signal: AbortSignal) => Promise<void>
}

const ID = /^\w[\w.:-]{0,127}$/

/**
 * What one Go requester wants of this node. To the requester it is a compute node of the Go program; to our compute node it is
 * an orchestrator at the other end of a channel.
 */
export class RequesterDesk {
  readonly #options: RequesterDeskOptions
  readonly #courier: Courier
  /** Offers that our compute node had no room for, until they are made again. */
  readonly #later = new Map<string, Timer>()
  /** How often in a row each of them was refused. */
  readonly #refusals = new Map<string, number>()
  #channel: RequesterChannel | undefined
  /** Has our compute node said what it holds? */
  #greeted = false

  constructor(options: RequesterDeskOptions) {
    this.#options = options
    this.#courier = new Courier(options)
  }

  /** A channel on which the requester appears as an orchestrator. One at a time. */
  openChannel(): ComputeChannel {
    const { clock, random, requester, sameMachine } = this.#options
    const channel: RequesterChannel = createRequesterChannel({
      requester,
      sameMachine,
      clock,
      conversation: uuid(random),
      onHello: (held) => this.#resume(held),
      onReport: (report) => this.#onReport(report),
      onEnd: () => {
        if (this.#channel !== channel) return
        this.#channel = undefined
        this.#greeted = false
      },
    })
    this.#channel = channel
    return channel
  }

  /** Goes on with what a former process was about to do. */
  recover(): void {
    for (const entry of this.#options.table.all(this.#options.requester)) {
      const { phase, result } = entry.taken
      if (phase === 'asked') void this.#decide(entry.executionId)
      if (phase === 'bid') void this.#courier.deliver(say.bid(this.#about(entry), undefined))
      if (phase === 'published') void this.#publish(entry, result)
    }
  }

  /** The requester may be reachable again. */
  hurry(): void {
    this.#courier.hurry()
  }

  get isIdle(): boolean {
    return this.#courier.isIdle
  }

  stop(): void {
    for (const timer of this.#later.values()) timer.cancel()
    this.#courier.stop()
  }

  /** Takes an ask down, durably; whether there is a bid is decided after it has been answered. */
  async ask({ executionId, jobId, generation, approval, job, addresses }: Ask): Promise<ExecutionResponse> {
    const { table, journal, clock, requester } = this.#options
    const response = { ExecutionID: executionId, JobID: jobId }
    if (executionId === '') return response
    if (table.stateOf(requester, executionId) !== undefined) {
      // The first ask may still be on its way to the disk.
      await journal.flushed()
      return response
    }
    if (!ID.test(executionId) || table.get(executionId) !== undefined)
      throw new BacalhauError('BadRequest', 'the execution id is none, or taken')
    const offer = await this.#read(generation, job)
    const entry = table.add(executionId, {
      requester,
      addresses: [...addresses],
      jobId,
      generation,
      phase: 'asked',
      approval,
      ...(typeof offer === 'string' ? { refusal: offer } : { offer: { ...offer } }),
      since: clock.now(),
    })
    await journal.flushed().catch((error: unknown) => {
      table.forget(entry)
      throw error
    })
    clock.after(0, () => void this.#decide(executionId))
    return response
  }

  async accept(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#expect(executionId, 'Created')
    const ordered = this.#options.table.move(entry, 'ordered')
    await this.#options.journal.flushed()
    this.#offer(ordered)
    return answer(entry)
  }

  async reject(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#expect(executionId, 'Created')
    this.#options.table.end(entry, 'Cancelled')
    await this.#options.journal.flushed()
    return answer(entry)
  }

  /** That it is cancelled is told before the call is answered, as the Go program does. */
  async cancel(executionId: string, reason: string): Promise<ExecutionResponse> {
    const { table, journal, clock } = this.#options
    const entry = this.#entry(executionId)
    const state = table.stateOf(this.#options.requester, executionId)
    if (state === undefined) throw new BacalhauError('NotFound', `execution not found: ${executionId}`)
    const { taken, end } = entry ?? {}
    if (entry === undefined || end !== undefined || taken?.phase === 'published' || taken?.phase === 'dropped')
      throw new BacalhauError('BadRequest', `cannot cancel execution ${executionId} in state ${state}`)
    const { phase } = entry.taken
    const isBegun = phase !== 'asked' && phase !== 'bid' && phase !== 'proposed'
    if (isBegun) this.#drop(entry, reason)
    else table.end(entry, 'Cancelled')
    const durable = journal.flushed()
    const told = isBegun ? this.#tellCancelled(entry, durable) : undefined
    await durable
    if (told !== undefined) await Promise.race([told, sleep(clock, LIMITS.goFarewell)])
    return answer(entry)
  }

  async #tellCancelled(entry: Entry, durable: Promise<void>): Promise<void> {
    // A disk that is full now is written as soon as it can be.
    await durable.catch(() => undefined)
    await this.#courier.deliver(say.cancelled(this.#about(entry)))
  }

  /** Before release 1.0.4: the requester has looked at the output, and wants the result. */
  async acceptResult(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#expect(executionId, 'Publishing', 'proposed')
    const { result } = entry.taken
    const published = this.#options.table.move(entry, 'published')
    await this.#options.journal.flushed()
    this.#options.clock.after(0, () => void this.#publish(published, result))
    return answer(entry)
  }

  async rejectResult(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#expect(executionId, 'Publishing', 'proposed')
    this.#options.table.end(entry, 'Failed')
    return answer(entry)
  }

  async #read(generation: 'b' | 'c', job: unknown): Promise<ReadJob | string> {
    const { table, clock } = this.#options
    if (table.size >= LIMITS.goTaken || table.weight() >= LIMITS.goOffers) return 'not enough capacity to enqueue job'
    try {
      return await (generation === 'c' ? readJob : readJobB)(job, clock.now())
    } catch (error) {
      return messageOf(error).slice(0, LIMITS.message)
    }
  }

  async #decide(executionId: string): Promise<void> {
    const { table, consider, requester } = this.#options
    const asked = this.#entry(executionId)
    if (asked === undefined) return
    const reason = await this.#refusal(asked.taken, (offer) =>
      consider(requester, { ...offer, executions: [{ id: executionId, partition: 0 }] }),
    )
    const entry = this.#entry(executionId)
    if (entry?.taken.phase !== 'asked') return
    const about = this.#about(entry)
    if (reason !== undefined) {
      const no = entry.taken.approval ? say.bid(about, reason) : say.failure(about, `Job rejected: ${reason}`)
      return this.#conclude(entry, no, 'Cancelled')
    }
    if (!entry.taken.approval) return this.#offer(table.move(entry, 'ordered'))
    // Before it is told: the requester may answer sooner than it is known to have been told.
    table.move(entry, 'bid')
    await this.#courier.deliver(say.bid(about, undefined))
  }

  async #refusal(
    { refusal, offer }: Entry['taken'],
    consider: (offer: Omit<Offered, 'executions'>) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    if (refusal !== undefined || offer === undefined) return refusal ?? 'there is no job'
    return consider({ type: 'offer', ...offer }).catch((error: unknown) => messageOf(error))
  }

  #offer({ executionId, taken: { offer } }: Entry): void {
    if (offer === undefined || !this.#greeted) return
    this.#channel?.order({ type: 'offer', ...offer, executions: [{ id: executionId, partition: 0 }] })
  }

  #drop(entry: Entry, reason: string): void {
    const { executionId } = entry
    const waiting = this.#later.get(executionId)
    waiting?.cancel()
    this.#later.delete(executionId)
    this.#refusals.delete(executionId)
    if (waiting !== undefined) return this.#options.table.end(entry, 'Cancelled')
    this.#options.table.move(entry, 'dropped')
    if (this.#greeted) this.#channel?.order({ type: 'cancel', executionId, reason })
  }

  /** Our compute node has said what it holds: makes the offers that it may not have heard. */
  #resume(held: ReadonlySet<string>): void {
    this.#greeted = true
    for (const entry of this.#options.table.all(this.#options.requester)) {
      const { executionId, taken } = entry
      if (taken.phase === 'ordered') this.#offer(entry)
      if (taken.phase !== 'dropped') continue
      if (held.has(executionId))
        this.#channel?.order({ type: 'cancel', executionId, reason: 'cancelled by its requester' })
      else this.#options.table.end(entry, 'Cancelled')
    }
  }

  async #onReport(report: ReportMessage): Promise<void> {
    const { table } = this.#options
    const entry = this.#entry(report.executionId)
    if (report.type !== 'refused' || entry === undefined) this.#refusals.delete(report.executionId)
    if (entry === undefined) return
    if (report.type === 'accepted') {
      if (entry.taken.phase === 'ordered') table.move(entry, 'held')
    } else if (report.type === 'progress') entry.active = report.state === 6 ? 'Running' : 'Publishing'
    // Its requester has been told so already.
    else if (entry.taken.phase === 'dropped') table.end(entry, 'Cancelled')
    else await this.#onEnd(entry, report)
  }

  #onEnd(entry: Entry, report: Exclude<ReportMessage, { type: 'accepted' | 'progress' }>): Promise<void> | void {
    const fail = (why: string) => this.#conclude(entry, say.failure(this.#about(entry), why), 'Failed')
    if (report.type === 'refused' && report.later) return this.#offerLater(entry)
    this.#refusals.delete(entry.executionId)
    switch (report.type) {
      case 'refused':
        return fail(report.reason)
      case 'completed':
        return this.#complete(entry, report)
      case 'failed':
        return fail(say.wordsOf(report))
      case 'cancelled':
        return fail(report.message)
    }
  }

  async #complete(entry: Entry, report: Extract<ReportMessage, { type: 'completed' }>): Promise<void> {
    const { taken } = entry
    const callback = say.completed(this.#about(entry), report)
    if (taken.generation === 'c') return this.#conclude(entry, callback, 'Completed')
    if (taken.phase === 'published') return
    // Before it is told: the requester may accept it sooner than it is known to have been told.
    this.#options.table.move(entry, 'proposed', { result: report.result })
    await this.#courier.deliver(callback)
  }

  async #conclude(entry: Entry, callback: say.Callback, state: GoState): Promise<void> {
    entry.end = state
    await this.#courier.deliver(callback)
    this.#options.table.end(entry, state)
  }

  #publish(entry: Entry, result: SpecConfig = { Type: '' }): Promise<void> {
    return this.#conclude(entry, say.published(this.#about(entry), result), 'Completed')
  }

  #offerLater({ executionId }: Entry): void {
    const { clock, random } = this.#options
    const refusals = (this.#refusals.get(executionId) ?? 0) + 1
    this.#refusals.set(executionId, refusals)
    this.#later.get(executionId)?.cancel()
    const timer = clock.after(retryPause(refusals, random), () => {
      this.#later.delete(executionId)
      const entry = this.#entry(executionId)
      if (entry?.taken.phase === 'ordered') this.#offer(entry)
    })
    this.#later.set(executionId, timer)
  }

  #about({ executionId, taken }: Entry): say.About {
    return { executionId, taken, self: this.#options.self }
  }

  #entry(executionId: string): Entry | undefined {
    return this.#options.table.of(this.#options.requester, executionId)
  }

  /** The entry, if it is in this state; the errors are those of the Go program. */
  #expect(executionId: string, state: GoState, phase?: Entry['taken']['phase']): Entry {
    const entry = this.#entry(executionId)
    const found = this.#options.table.stateOf(this.#options.requester, executionId)
    if (found === undefined) throw new BacalhauError('NotFound', `execution not found: ${executionId}`)
    if (entry === undefined || found !== state || (phase !== undefined && entry.taken.phase !== phase))
      throw new BacalhauError(
        'BadRequest',
        `execution ${executionId} is in state ${found} but expected one of [${state}]`,
      )
    return entry
  }
}

const answer = ({ executionId, taken }: Entry): ExecutionResponse => ({ ExecutionID: executionId, JobID: taken.jobId })
