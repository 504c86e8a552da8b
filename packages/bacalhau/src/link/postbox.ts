import type { ConversationClaim, Receipt } from '@bacalhau/models'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Journal, Recorded } from '../store/journal.ts'
import { clear, put, remove, type Store, type Write } from '../store/store.ts'
import { Flow, type Line } from './flow.ts'
import type { Standing } from './handshake.ts'
import { type Misfit, NOTHING, Outbox, type Parcel } from './outbox.ts'
import {
  conversationKey,
  type ConversationRow,
  parcelKey,
  parcelPrefix,
  parcelRowSchema,
  type Role,
} from './postbox-rows.ts'
import { loadPage, unloadBeyondWindow } from './spill.ts'

export interface PostboxOptions {
  readonly role: Role
  readonly store: Store
  readonly journal: Pick<Journal, 'record' | 'recordSoon'>
  readonly logger: Logger
  /** Different in every life of the program. */
  readonly mark: string
}

/** What the unit of the journal that is under way makes durable. There is one at a time. */
interface Taken {
  readonly outbox: object
  readonly sent: number
  readonly received: Receipt
}

/** Acknowledged rows that may lie until another change of the conversation takes them away. */
const STALE_ROWS = 16

/**
 * One conversation with one peer: what was posted and not acknowledged, and how far the peer has been heard. As a part of the
 * journal's units it writes both together with their causes and effects; over the line nothing goes, neither parcel nor
 * acknowledgement, that is not durable.
 */
export class Postbox<Out> implements Recorded, Standing {
  readonly peer: string
  readonly #options: PostboxOptions
  #conversation: string | undefined
  #generation = ''
  #outbox: Outbox<Out>
  #received: Receipt = NOTHING
  /** The outbox may not be what the peer was sent: the conversation must begin anew. */
  #doubted = false
  #forgotten = false

  // What the store holds, or will when the units under way are written.
  #rowStale = true
  #clearing = false
  #stored = 0
  #removed = 0
  #taken: Taken | undefined

  // What is durable.
  #sendable = 0
  #heard: Receipt = NOTHING

  readonly #flow = new Flow<Out>()
  #loading: Promise<void> | undefined

  constructor(peer: string, options: PostboxOptions, row?: ConversationRow) {
    this.peer = peer
    this.#options = options
    this.#outbox = new Outbox(options.mark, row?.acked)
    if (row === undefined) return
    this.#conversation = row.conversation
    this.#generation = row.generation
    this.#received = this.#heard = row.received
    this.#rowStale = false
    this.#stored = this.#removed = this.#sendable = row.acked.seq
    this.#flow.startAfter(row.acked.seq)
  }

  get backlog() {
    return this.#outbox.backlog
  }

  /** Empty while the peer has given no name to it. */
  get conversation(): string {
    return this.#doubted ? '' : (this.#conversation ?? '')
  }

  get generation(): string {
    return this.#generation
  }

  misfit(received: Receipt): Misfit | undefined {
    return this.#outbox.misfit(received)
  }

  /** What this side says of the conversation at a handshake. */
  get claim(): ConversationClaim | undefined {
    return this.conversation === '' ? undefined : { id: this.conversation, received: this.#heard }
  }

  /** Takes in a parcel that the store holds. Whatever does not fit makes the conversation begin anew. */
  restore(seq: number, value: unknown): void {
    const row = parcelRowSchema.safeParse(value)
    const keep = this.backlog.bytes < LIMITS.linkWindow
    const fits =
      row.success &&
      this.#outbox.restore({
        seq,
        mark: row.data.mark,
        bytes: row.data.bytes,
        count: row.data.messages.length,
        // Written by this program; the peer checks them against its schema.
        messages: keep ? (row.data.messages as Out[]) : undefined,
      })
    if (!fits) this.#doubt('a row of the outbox is missing or broken')
    this.#stored = this.#sendable = this.#outbox.last
  }

  post(message: Out): void {
    this.#outbox.add(message)
    this.record()
  }

  record(): void {
    this.#options.journal.record(this)
  }

  /** Drops everything: what is not delivered, and what was said about it. */
  forget(): void {
    this.#forgotten = true
    this.record()
  }

  /** Begins anew under a name that the orchestrator has chosen, with `messages` as the first to be sent. */
  reset(conversation: string, generation: string, messages: readonly Out[] = []): void {
    this.#conversation = conversation
    this.#generation = generation
    this.#outbox = new Outbox(this.#options.mark)
    for (const message of messages) this.#outbox.add(message)
    this.#received = this.#heard = NOTHING
    this.#doubted = false
    this.#rowStale = this.#clearing = true
    this.#stored = this.#removed = this.#sendable = 0
    this.#flow.startAfter(0)
  }

  /** Goes on after what the peer has received: everything after that is sent, again if need be. */
  resume(received: Receipt): void {
    this.#trim(received.seq)
    this.#flow.startAfter(received.seq)
  }

  /** The peer has what this side cannot have sent: the next handshake begins anew. */
  distrust(): void {
    this.#doubt('the peer has received something else than was sent')
  }

  /** What is in the outbox; the messages of all of it are in memory after `loaded`. */
  get waiting(): readonly Parcel<Out>[] {
    return this.#outbox.after(0)
  }

  /** Parcels up to this number are not added to any more. */
  seal(): number {
    return this.#outbox.seal()
  }

  /** All messages of the outbox are in memory; they stay there while there is a line. */
  async loaded(): Promise<void> {
    while (this.#outbox.after(0).some(({ messages }) => messages === undefined)) await this.#load()
  }

  connect(line: Line<Out>): void {
    this.#flow.connect(line)
  }

  /** Both sides have agreed: from now on parcels go over the line, as far as the window reaches. */
  flow(): void {
    this.#flow.begin()
    this.#acknowledge()
    this.#pump()
  }

  pause(): void {
    this.#flow.pause()
  }

  disconnect(line: Line<Out>): void {
    if (this.#flow.disconnect(line)) unloadBeyondWindow(this.#outbox, 0, this.#sendable)
  }

  /** The peer has the parcels up to `seq`. False when it cannot. */
  acknowledge(seq: number): boolean {
    if (seq > this.#sendable) return false
    this.#flow.acknowledged(seq, this.#trim(seq))
    this.#pump()
    return true
  }

  /**
   * Takes a parcel of the peer. `deliver` runs for each message, in one turn and so in one unit with the number. A fault of
   * the program in one message is logged and must not keep the others, or this one, from counting: it would come again and
   * again. A parcel that was taken before is acknowledged once more. False when there is a gap before it.
   */
  receive<In>(parcel: Receipt & { messages: readonly In[] }, deliver: (message: In) => void): boolean {
    const { seq, mark, messages } = parcel
    if (seq <= this.#received.seq) {
      this.#acknowledge()
      return true
    }
    if (seq !== this.#received.seq + 1) return false
    this.#received = { seq, mark }
    this.#rowStale = true
    this.record()
    for (const message of messages) {
      try {
        deliver(message)
      } catch (error) {
        this.#options.logger.error({ peer: this.peer, seq, error: messageOf(error) }, 'a message had no effect')
      }
    }
    return true
  }

  takeWrites(): Write[] {
    const { role } = this.#options
    const key = conversationKey(role, this.peer)
    const prefix = parcelPrefix(role, this.peer)
    if (this.#forgotten) return [clear('link-out', prefix), remove('link-in', key)]
    const writes = [...(this.#clearing ? [clear('link-out', prefix)] : []), ...this.#takeParcels()]
    if (this.#rowStale) writes.push(put('link-in', key, this.#row()))
    this.#clearing = this.#rowStale = false
    this.#taken = { outbox: this.#outbox, sent: this.#stored, received: this.#received }
    return writes
  }

  onDurable(): void {
    const taken = this.#taken
    // A unit of a conversation that has been given up meanwhile.
    if (taken === undefined || taken.outbox !== this.#outbox) return
    const before = this.#sendable
    this.#sendable = taken.sent
    if (taken.received.seq !== this.#heard.seq) {
      this.#heard = taken.received
      this.#acknowledge()
    }
    if (this.#flow.isConnected) this.#pump()
    else unloadBeyondWindow(this.#outbox, before, this.#sendable)
  }

  #takeParcels(): Write[] {
    const { role } = this.#options
    const writes: Write[] = []
    const { acked } = this.#outbox
    for (; this.#removed < acked.seq; this.#removed++) {
      writes.push(remove('link-out', parcelKey(role, this.peer, this.#removed + 1)))
      this.#rowStale = true
    }
    for (const { seq, mark, bytes, messages } of this.#outbox.after(this.#stored))
      writes.push(put('link-out', parcelKey(role, this.peer, seq), { mark, bytes, messages }))
    this.#stored = this.#outbox.seal()
    return writes
  }

  #row(): ConversationRow {
    return {
      ...(this.#conversation === undefined ? {} : { conversation: this.#conversation }),
      generation: this.#generation,
      received: this.#received,
      acked: this.#outbox.acked,
    }
  }

  #trim(seq: number): number {
    const bytes = this.#outbox.trim(seq)
    if (this.#outbox.acked.seq - this.#removed >= STALE_ROWS) this.#options.journal.recordSoon(this)
    return bytes
  }

  #acknowledge(): void {
    this.#flow.ack(this.#heard.seq)
  }

  #pump(): void {
    if (this.#flow.pump(this.#outbox, this.#sendable)) return
    this.#load().then(
      () => this.#pump(),
      (error: unknown) => this.#flow.fail(error instanceof Error ? error : new Error(messageOf(error))),
    )
  }

  /** Reads the next messages that are in the store only; one reading at a time. */
  #load(): Promise<void> {
    this.#loading ??= this.#loadPage().finally(() => (this.#loading = undefined))
    return this.#loading
  }

  async #loadPage(): Promise<void> {
    const outbox = this.#outbox
    const found = await loadPage(outbox, this.#options.store, this.#options.role, this.peer)
    // The conversation may have begun anew meanwhile.
    if (found || outbox !== this.#outbox) return
    this.#doubt('a row of the outbox is gone')
    throw new BacalhauError('StoreCorrupt', 'The store has lost a message to a peer.')
  }

  #doubt(why: string): void {
    if (!this.#doubted) this.#options.logger.warn({ peer: this.peer, why }, 'the conversation has to begin anew')
    this.#doubted = true
  }
}
