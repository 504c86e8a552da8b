import type { Clock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Channel } from './channel.ts'
import type { Line } from './flow.ts'
import { type Pulse, startPulse } from './pulse.ts'

/** What both sides say, whoever they are. */
type Said<M> =
  | { readonly type: 'parcel'; readonly seq: number; readonly mark: string; readonly messages: M[] }
  | { readonly type: 'ack'; readonly seq: number }
  | { readonly type: 'heartbeat' }

/** One link, from its beginning to its end, as one of its sides has it: `M` is what that side posts, `In` what it hears over `C`. */
export abstract class Session<M, In, C extends Channel<Said<M>, In>> implements Line<M> {
  readonly peer: string
  protected readonly channel: C
  readonly #clock: Clock
  #pulse: Pulse | undefined
  #ended = false

  constructor(channel: C, clock: Clock) {
    this.peer = channel.peer
    this.channel = channel
    this.#clock = clock
  }

  get isOver(): boolean {
    return this.#ended
  }

  parcel(seq: number, mark: string, messages: readonly M[]): void {
    this.channel.send({ type: 'parcel', seq, mark, messages: messages as M[] })
  }

  ack(seq: number): void {
    this.channel.send({ type: 'ack', seq })
  }

  /** Ends the session at once, also for the role. */
  fail(error: Error): void {
    this.channel.abort(error)
    this.end(error)
  }

  /** Begins to listen. `silent` is what is said of a peer that is not heard any more. */
  protected listen(silent: string): void {
    this.#pulse = startPulse(
      this.#clock,
      () => this.beat(),
      () => this.fail(new BacalhauError('PeerUnreachable', silent)),
    )
    this.channel.start({
      onMessage: (message) => {
        this.#pulse?.heard()
        if (!this.#ended) this.receive(message)
      },
      onSign: () => this.#pulse?.heard(),
      onClose: (error) => this.end(error),
    })
  }

  protected beat(): void {
    this.channel.send({ type: 'heartbeat' })
  }

  /** The session is over; the first call counts. */
  protected end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#pulse?.stop()
    this.onEnd(error)
  }

  protected abstract receive(message: In): void
  protected abstract onEnd(error: Error | undefined): void
}

/** The peer says what it must not say now. */
export const outOfTurn = (what: string): BacalhauError =>
  new BacalhauError('BadRequest', `${what}; the link begins anew`)
