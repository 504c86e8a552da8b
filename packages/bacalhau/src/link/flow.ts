import { LIMITS } from '../runtime/limits.ts'
import type { Outbox } from './outbox.ts'

/** A link over which a postbox may send. */
export interface Line<M> {
  parcel(seq: number, mark: string, messages: readonly M[]): void
  ack(seq: number): void
  fail(error: Error): void
}

/** What of an outbox has gone over the present link: in its order, and no more at a time than the window lets through. */
export class Flow<M> {
  #line: Line<M> | undefined
  /** Both sides know which conversation this link carries on. */
  #agreed = false
  #flowing = false
  /** The last parcel that has gone, and the bytes of those that are not acknowledged. */
  #flown = 0
  #bytes = 0

  get isConnected(): boolean {
    return this.#line !== undefined
  }

  connect(line: Line<M>): void {
    this.#line = line
    this.#agreed = this.#flowing = false
  }

  /** Both sides have agreed. */
  begin(): void {
    this.#agreed = this.#flowing = true
  }

  pause(): void {
    this.#flowing = false
  }

  /** False for a link that another one has replaced. */
  disconnect(line: Line<M>): boolean {
    if (this.#line !== line) return false
    this.#line = undefined
    this.#agreed = this.#flowing = false
    return true
  }

  /** The peer has the parcels up to `seq`; what comes after them goes (again). */
  startAfter(seq: number): void {
    this.#flown = seq
    this.#bytes = 0
  }

  /** The peer has acknowledged up to `seq`, which frees so many bytes. */
  acknowledged(seq: number, bytes: number): void {
    // It may have come by an earlier link, and not have been sent by this one yet.
    this.#bytes = seq >= this.#flown ? 0 : this.#bytes - bytes
    this.#flown = Math.max(this.#flown, seq)
  }

  /** Says how far the peer has been heard. */
  ack(seq: number): void {
    if (this.#agreed && seq > 0) this.#line?.ack(seq)
  }

  fail(error: Error): void {
    this.#line?.fail(error)
  }

  /** Sends parcels up to `last`, as far as the window reaches. False when the next one is not in memory. */
  pump(outbox: Outbox<M>, last: number): boolean {
    for (; this.#flowing && this.#flown < last; this.#flown++) {
      const parcel = outbox.at(this.#flown + 1)
      if (parcel === undefined || !this.#hasRoom(parcel.bytes, outbox.acked.seq)) return true
      if (parcel.messages === undefined) return false
      this.#bytes += parcel.bytes
      this.#line?.parcel(parcel.seq, parcel.mark, parcel.messages)
    }
    return true
  }

  #hasRoom(bytes: number, acked: number): boolean {
    const parcels = this.#flown - acked
    return parcels === 0 || (parcels < LIMITS.linkWindowParcels && this.#bytes + bytes <= LIMITS.linkWindow)
  }
}
