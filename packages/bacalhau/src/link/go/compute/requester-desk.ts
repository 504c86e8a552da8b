import type { OrderMessage, ReportMessage, SpecConfig } from '@bacalhau/models'
import { type Clock, sleep } from '../../../runtime/clock.ts'
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
import { Postponed } from './postponed.ts'
import { createRequesterChannel, type RequesterChannel } from './requester-channel.ts'
import type { GoState, Phase } from './taken.ts'
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
  readonly journal: Pick<Journal, 'flushed' | 'after'>
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
  readonly #postponed: Postponed
  #channel: RequesterChannel | undefined
  /** Has our compute node said what it holds? */
  #greeted = false

  constructor(options: RequesterDeskOptions) {
    this.#options = options
    this.#courier = new Courier(options)
    this.#postponed = new Postponed(options)
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
      if (phase === 'dropped') void this.#courier.deliver(say.cancelled(this.#about(entry)))
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
    this.#postponed.stop()
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
    const entry = this.#options.table.expect(this.#options.requester, executionId, 'Created')
    const ordered = this.#options.table.move(entry, 'ordered')
    await this.#settled(ordered, 'bid')
    this.#offer(executionId)
    return answer(entry)
  }

  async reject(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#options.table.expect(this.#options.requester, executionId, 'Created')
    this.#options.table.end(entry, 'Cancelled')
    await this.#options.journal.flushed()
    return answer(entry)
  }

  /** That it is cancelled is told before the call is answered, as the Go program does. */
  async cancel(executionId: string, reason: string): Promise<ExecutionResponse> {
    const { table, journal, clock } = this.#options
    const entry = this.#entry(executionId)
    const state = table.knownState(this.#options.requester, executionId)
    const { taken, end } = entry ?? {}
    if (entry === undefined || end !== undefined || taken?.phase === 'published' || taken?.phase === 'dropped')
      throw new BacalhauError('BadRequest', `cannot cancel execution ${executionId} in state ${state}`)
    const { phase } = entry.taken
    const isBegun = phase !== 'asked' && phase !== 'bid' && phase !== 'proposed'
    if (isBegun) this.#drop(entry, reason)
    else table.end(entry, 'Cancelled')
    const told = isBegun ? this.#tellCancelled(entry) : undefined
    await journal.flushed()
    if (told !== undefined) await Promise.race([told, sleep(clock, LIMITS.goFarewell)])
    return answer(entry)
  }

  async #tellCancelled(entry: Entry): Promise<void> {
    await this.#written()
    await this.#courier.deliver(say.cancelled(this.#about(entry)))
  }

  /** Before release 1.0.4: the requester has looked at the output, and wants the result. */
  async acceptResult(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#options.table.expect(this.#options.requester, executionId, 'Publishing', 'proposed')
    const { result } = entry.taken
    const published = this.#options.table.move(entry, 'published')
    await this.#settled(published, 'proposed')
    this.#options.clock.after(0, () => void this.#publish(published, result))
    return answer(entry)
  }

  async rejectResult(executionId: string): Promise<ExecutionResponse> {
    const entry = this.#options.table.expect(this.#options.requester, executionId, 'Publishing', 'proposed')
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
      return this.#refuse(table.move(entry, 'asked', { refusal: reason.slice(0, LIMITS.message) }), no)
    }
    if (!entry.taken.approval) {
      table.move(entry, 'ordered')
      await this.#written()
      return this.#offer(executionId)
    }
    // Before it is told: the requester may answer sooner than it is known to have been told.
    table.move(entry, 'bid')
    await this.#courier.deliver(say.bid(about, undefined))
  }

  /** Once it has been told it stays, also where a later process would decide otherwise. */
  async #refuse(entry: Entry, no: say.Callback): Promise<void> {
    entry.end = 'Cancelled'
    await this.#written()
    await this.#conclude(entry, no, 'Cancelled')
  }

  async #refusal(
    { refusal, offer }: Entry['taken'],
    consider: (offer: Omit<Offered, 'executions'>) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    if (refusal !== undefined || offer === undefined) return refusal ?? 'there is no job'
    return consider({ type: 'offer', ...offer }).catch((error: unknown) => messageOf(error))
  }

  /** Offers an execution to our compute node, if it is still wanted. */
  #offer(executionId: string): void {
    const entry = this.#entry(executionId)
    if (entry?.taken.phase !== 'ordered' || entry.end !== undefined || !this.#greeted) return
    const { offer } = entry.taken
    if (offer === undefined) return
    entry.offered = true
    this.#channel?.order({ type: 'offer', ...offer, executions: [{ id: executionId, partition: 0 }] })
  }

  #drop(entry: Entry, reason: string): void {
    const { executionId } = entry
    const isWaiting = this.#postponed.forget(executionId)
    // What a former process may have offered is known to our compute node, which says so in its greeting.
    const isUnheard = entry.taken.phase === 'ordered' && this.#greeted && entry.offered !== true
    if (isWaiting || isUnheard) return this.#options.table.end(entry, 'Cancelled')
    this.#options.table.move(entry, 'dropped')
    if (this.#greeted) this.#channel?.order({ type: 'cancel', executionId, reason })
  }

  /** Our compute node has said what it holds: makes the offers that it may not have heard. */
  #resume(held: ReadonlySet<string>): void {
    this.#greeted = true
    for (const entry of this.#options.table.all(this.#options.requester)) {
      const { executionId, taken } = entry
      if (taken.phase === 'ordered') this.#offer(executionId)
      if (taken.phase !== 'dropped') continue
      if (held.has(executionId))
        this.#channel?.order({ type: 'cancel', executionId, reason: 'cancelled by its requester' })
      else this.#options.table.end(entry, 'Cancelled')
    }
  }

  async #onReport(report: ReportMessage): Promise<void> {
    const { table } = this.#options
    const entry = this.#entry(report.executionId)
    if (report.type !== 'refused' || !report.later) this.#postponed.forget(report.executionId)
    const { executionId } = report
    const isBegun = report.type === 'accepted' || report.type === 'progress'
    if (isBegun && (entry === undefined || entry.told !== undefined)) {
      // It was offered once more because nobody knew here that it had ended.
      if (this.#greeted) this.#channel?.order({ type: 'cancel', executionId, reason: 'it has ended before' })
      return
    }
    if (entry === undefined) return
    if (isBegun) {
      const held = entry.taken.phase === 'ordered' ? table.move(entry, 'held') : entry
      if (report.type === 'progress') held.active = report.state === 6 ? 'Running' : 'Publishing'
    }
    // Its requester has been told so already.
    else if (entry.taken.phase === 'dropped') table.end(entry, 'Cancelled')
    else await this.#onEnd(entry, report)
  }

  #onEnd(entry: Entry, report: Exclude<ReportMessage, { type: 'accepted' | 'progress' }>): Promise<unknown> | void {
    const { taken, told } = entry
    // Of several ends the first counts.
    if (told !== undefined) return told
    const isMade = taken.phase === 'proposed' || taken.phase === 'published'
    if (isMade && report.type !== 'completed') return
    const fail = (why: string) => this.#conclude(entry, say.failure(this.#about(entry), why), 'Failed')
    switch (report.type) {
      case 'refused':
        return report.later ? this.#offerLater(entry) : fail(report.reason)
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
    if (taken.phase !== 'proposed') this.#options.table.move(entry, 'proposed', { result: report.result })
    await this.#courier.deliver(callback)
  }

  async #conclude(entry: Entry, callback: say.Callback, state: GoState): Promise<void> {
    entry.end = state
    entry.told = this.#courier.deliver(callback)
    await entry.told
    this.#options.table.end(entry, state)
  }

  #publish(entry: Entry, result: SpecConfig = { Type: '' }): Promise<void> {
    return this.#conclude(entry, say.published(this.#about(entry), result), 'Completed')
  }

  #offerLater({ executionId }: Entry): void {
    this.#postponed.wait(executionId, () => this.#offer(executionId))
  }

  /** Waits until the move of `entry` is on disk. What cannot be written is refused, and taken back. */
  async #settled(entry: Entry, before: Phase): Promise<void> {
    const { table, journal } = this.#options
    await journal.flushed().catch((error: unknown) => {
      if (table.get(entry.executionId) === entry) table.move(entry, before)
      throw error
    })
  }

  /** Resolves when what has been decided is on disk, however long that is full. */
  #written(): Promise<void> {
    return new Promise((resolve) => this.#options.journal.after(resolve))
  }

  #about({ executionId, taken }: Entry): say.About {
    return { executionId, taken, self: this.#options.self }
  }

  #entry(executionId: string): Entry | undefined {
    return this.#options.table.of(this.#options.requester, executionId)
  }
}

const answer = ({ executionId, taken }: Entry): ExecutionResponse => ({ ExecutionID: executionId, JobID: taken.jobId })
