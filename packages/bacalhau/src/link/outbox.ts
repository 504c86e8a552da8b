import { MAX_PARCEL_MESSAGES, type Receipt } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Backlog } from './post-office.ts'

/** Messages that travel under one number. */
export interface Parcel<M> {
  readonly seq: number
  readonly mark: string
  /** Characters of the messages as JSON. */
  readonly bytes: number
  readonly count: number
  /** Undefined while they are in the store only. */
  readonly messages: readonly M[] | undefined
}

interface Slot<M> extends Parcel<M> {
  bytes: number
  count: number
  messages: M[] | undefined
}

/** Before the first parcel. */
export const NOTHING: Receipt = { seq: 0, mark: '' }

/** Why a peer cannot have received what it says. */
export type Misfit = 'more than was sent' | 'less than it had acknowledged' | 'something else under that number'

/** What was posted to one peer and is not acknowledged: parcels with numbers without a gap. In memory; knows no store. */
export class Outbox<M> {
  /** Tells what this life of the program wrote under a number from what another one did. */
  readonly #mark: string
  readonly #slots: Slot<M>[] = []
  #acked: Receipt
  /** The last parcel takes further messages. */
  #open = false
  #messages = 0
  #bytes = 0

  constructor(mark: string, acked: Receipt = NOTHING) {
    this.#mark = mark
    this.#acked = acked
  }

  /** The last parcel that the peer has acknowledged. */
  get acked(): Receipt {
    return this.#acked
  }

  /** Number of the last parcel. */
  get last(): number {
    return this.#acked.seq + this.#slots.length
  }

  get backlog(): Backlog {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  /** Puts a message into the last parcel if that is open and has room, else into a new one. */
  add(message: M): void {
    const bytes = JSON.stringify(message).length
    const open = this.#open ? this.#slots.at(-1) : undefined
    if (open?.messages !== undefined && open.count < MAX_PARCEL_MESSAGES && open.bytes + bytes <= LIMITS.linkParcel) {
      open.messages.push(message)
      open.count += 1
      open.bytes += bytes
      this.#messages += 1
      this.#bytes += bytes
    } else {
      this.#append({ seq: this.last + 1, mark: this.#mark, bytes, count: 1, messages: [message] })
      this.#open = true
    }
  }

  /** No message joins the parcels that are there. Returns the number of the last one. */
  seal(): number {
    this.#open = false
    return this.last
  }

  /** Takes in a parcel of an earlier life. False when its number is not the next. */
  restore(parcel: Parcel<M>): boolean {
    if (parcel.seq !== this.last + 1) return false
    this.#append({ ...parcel, messages: parcel.messages === undefined ? undefined : [...parcel.messages] })
    return true
  }

  at(seq: number): Parcel<M> | undefined {
    return this.#slots[seq - this.#acked.seq - 1]
  }

  /** Those with a number above `seq`, in order. */
  after(seq: number): readonly Parcel<M>[] {
    return this.#slots.slice(Math.max(0, seq - this.#acked.seq))
  }

  /** The messages of a parcel are in the store and need not be kept in memory. */
  unload(seq: number): void {
    const slot = this.#slots[seq - this.#acked.seq - 1]
    if (slot !== undefined) slot.messages = undefined
  }

  /** The messages of a parcel, from the store. */
  load(seq: number, messages: M[]): void {
    const slot = this.#slots[seq - this.#acked.seq - 1]
    if (slot !== undefined) slot.messages ??= messages
  }

  /** Forgets the parcels up to `seq`, which the peer has. Returns their bytes. */
  trim(seq: number): number {
    const done = this.#slots.splice(0, Math.max(0, seq - this.#acked.seq))
    const last = done.at(-1)
    if (last === undefined) return 0
    this.#acked = { seq: last.seq, mark: last.mark }
    if (this.#slots.length === 0) this.#open = false
    const bytes = done.reduce((sum, slot) => sum + slot.bytes, 0)
    this.#bytes -= bytes
    this.#messages -= done.reduce((sum, { count }) => sum + count, 0)
    return bytes
  }

  /** Can the peer have received this of what is here, and need no more than what is here? */
  misfit({ seq, mark }: Receipt): Misfit | undefined {
    if (seq > this.last) return 'more than was sent'
    if (seq < this.#acked.seq) return 'less than it had acknowledged'
    const ours = seq === this.#acked.seq ? this.#acked.mark : this.at(seq)?.mark
    return ours === mark ? undefined : 'something else under that number'
  }

  #append(slot: Slot<M>): void {
    this.#slots.push(slot)
    this.#messages += slot.count
    this.#bytes += slot.bytes
  }
}
