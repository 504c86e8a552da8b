import type { Channel, ChannelHandler } from '../../../src/link/channel.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { CrashPoint } from './machine.ts'

/** Who has an end of a wire. */
export interface Holder {
  readonly peer: string
  readonly dead: boolean
  reach(point: CrashPoint): void
  /** Is its process frozen? Then `action` is done when it wakes. */
  holds?(action: () => void): boolean
}

export interface WireWeather {
  /** Milliseconds that the next message takes. */
  latency(): number
  /** Is this message, which has just been delivered, going to be delivered once more? */
  repeats(message: unknown): boolean
}

export interface WireOptions<A, B> {
  readonly clock: Clock
  /** The two ends: what the first one sends is an A, what the second one sends is a B. */
  readonly holders: readonly [Holder, Holder]
  readonly sameMachine?: boolean
  readonly weather?: WireWeather
  readonly onDelivery?: (from: string, to: string, message: A | B) => void
}

const FAIR: WireWeather = { latency: () => 0, repeats: () => false }

/**
 * A connection between two machines. Messages of one direction never overtake each other; a blocked direction keeps them back,
 * as a network does that loses packets and repeats them later; a cut loses whatever is under way.
 */
export class Wire<A, B> {
  readonly ends: readonly [Channel<A, B>, Channel<B, A>]
  readonly #left: End<A, B>
  readonly #right: End<B, A>

  constructor(options: WireOptions<A, B>) {
    const { clock, holders, sameMachine = false, weather = FAIR, onDelivery } = options
    const [left, right] = holders
    this.#left = new End<A, B>({ self: left, peer: right.peer, sameMachine, onDelivery })
    this.#right = new End<B, A>({ self: right, peer: left.peer, sameMachine, onDelivery })
    this.#left.out = new Pipe(clock, weather, this.#right)
    this.#right.out = new Pipe(clock, weather, this.#left)
    this.ends = [this.#left, this.#right]
  }

  get open(): boolean {
    return !this.#left.over || !this.#right.over
  }

  /** Both ends learn at once that the connection is broken. What was under way is lost. */
  cut(error: Error = new Error('the connection was cut')): void {
    for (const end of [this.#left, this.#right]) end.out?.drop()
    for (const end of [this.#left, this.#right]) end.break(error)
  }

  /** Nothing comes through in the directions that are named; without any, everything does, in its order. */
  block({ left = false, right = false }: { readonly left?: boolean; readonly right?: boolean } = {}): void {
    this.#left.out?.block(left)
    this.#right.out?.block(right)
  }
}

type Parcel<T> = { readonly message: T; readonly repeated: boolean } | { readonly end: Error | undefined }

/** One direction of a wire. */
class Pipe<T> {
  readonly #clock: Clock
  readonly #weather: WireWeather
  readonly #to: End<never, T> | End<unknown, T>
  #lastAt = 0
  #blocked = false
  /** Grows when everything that is under way is lost. */
  #epoch = 0
  #due: Parcel<T>[] = []

  constructor(clock: Clock, weather: WireWeather, to: End<never, T> | End<unknown, T>) {
    this.#clock = clock
    this.#weather = weather
    this.#to = to
  }

  put(parcel: Parcel<T>): void {
    const now = this.#clock.monotonic()
    this.#lastAt = Math.max(this.#lastAt, now + this.#weather.latency())
    const epoch = this.#epoch
    this.#clock.after(this.#lastAt - now, () => epoch === this.#epoch && this.#arrive(parcel))
  }

  block(blocked: boolean): void {
    this.#blocked = blocked
    if (blocked) return
    const due = this.#due
    this.#due = []
    for (const parcel of due) this.#arrive(parcel)
  }

  drop(): void {
    this.#epoch += 1
    this.#due = []
  }

  #arrive(parcel: Parcel<T>): void {
    if (this.#blocked) {
      this.#due.push(parcel)
      return
    }
    this.#to.take(parcel)
    if ('message' in parcel && !parcel.repeated && this.#weather.repeats(parcel.message)) {
      this.put({ message: parcel.message, repeated: true })
    }
  }
}

interface EndOptions<In> {
  readonly self: Holder
  readonly peer: string
  readonly sameMachine: boolean
  readonly onDelivery: ((from: string, to: string, message: In) => void) | undefined
}

class End<Out, In> implements Channel<Out, In> {
  readonly peer: string
  readonly sameMachine: boolean
  out: Pipe<Out> | undefined
  /** Nothing is sent or delivered any more. */
  over = false
  readonly #self: Holder
  readonly #onDelivery: ((from: string, to: string, message: In) => void) | undefined
  #handler: ChannelHandler<In> | undefined
  #early: Parcel<In>[] = []

  constructor({ self, peer, sameMachine, onDelivery }: EndOptions<In>) {
    this.peer = peer
    this.sameMachine = sameMachine
    this.#self = self
    this.#onDelivery = onDelivery
  }

  start(handler: ChannelHandler<In>): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    if (early.length === 0) return
    queueMicrotask(() => {
      for (const parcel of early) this.take(parcel)
    })
  }

  send(message: Out): void {
    if (this.over || this.#self.dead) return
    this.#self.reach('send')
    this.out?.put({ message, repeated: false })
  }

  close(): void {
    this.#leave(undefined, undefined)
  }

  abort(error: Error): void {
    this.out?.drop()
    this.#leave(error, new Error('the other side has ended the connection'))
  }

  /** Something has arrived. */
  take(parcel: Parcel<In>): void {
    if (this.#self.dead || this.over || this.#self.holds?.(() => this.take(parcel)) === true) return
    const handler = this.#handler
    if (handler === undefined) return void this.#early.push(parcel)
    if ('end' in parcel) return this.#finish(parcel.end)
    this.#self.reach('receive')
    this.#onDelivery?.(this.peer, this.#self.peer, parcel.message)
    try {
      handler.onMessage(parcel.message)
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  break(error: Error): void {
    queueMicrotask(() => this.#finish(error))
  }

  #leave(here: Error | undefined, there: Error | undefined): void {
    if (this.over || this.#self.dead) return
    this.out?.put({ end: there })
    this.over = true
    queueMicrotask(() => !this.#self.dead && this.#handler?.onClose(here))
  }

  #finish(error: Error | undefined): void {
    if (this.over || this.#self.dead || this.#self.holds?.(() => this.#finish(error)) === true) return
    this.over = true
    this.#handler?.onClose(error)
  }
}
