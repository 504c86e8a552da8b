import { type Clock, sleep } from '../../../runtime/clock.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Random } from '../../../runtime/random.ts'
import { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import type { ComputeChannel } from '../../link-protocol.ts'
import type { LinkSession } from '../../post-office.ts'
import type { Callback } from './callbacks.ts'
import { RequesterDesk, type RequesterDeskOptions } from './requester-desk.ts'
import { TakenTable } from './taken-table.ts'

export interface RequesterDesksOptions extends Pick<RequesterDeskOptions, 'self' | 'consider'> {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Presents our compute node to a requester that appears as an orchestrator. */
  readonly attach: (channel: ComputeChannel) => LinkSession
  /** One attempt to tell a requester something. */
  readonly send: (requester: string, callback: Callback, signal: AbortSignal) => Promise<void>
}

/** Milliseconds between the end of one channel and the next; and between two looks for bids that nobody took up. */
const [AGAIN, SWEEP] = [1_000, 60 * 60_000]

/** The desks of all requesters that this node works for, whatever the way is by which they are reached. */
export class RequesterDesks implements Stoppable {
  readonly table: TakenTable
  readonly #options: RequesterDesksOptions
  readonly #journal: Journal
  readonly #desks = new Map<string, RequesterDesk>()
  readonly #stopping = new AbortController()

  /** Knows what a former process has taken; `recover` goes on with it. */
  static async open(options: RequesterDesksOptions): Promise<RequesterDesks> {
    const desks = new RequesterDesks(options)
    await desks.table.load(options.store, options.logger)
    return desks
  }

  private constructor(options: RequesterDesksOptions) {
    this.#options = options
    this.#journal = new Journal(options)
    this.table = new TakenTable(this.#journal)
  }

  recover(): void {
    for (const requester of this.table.requesters()) this.at(requester).recover()
    this.#sweep()
  }

  peers(): string[] {
    return [...this.#desks.keys()]
  }

  /** A requester may be reachable again. */
  hurry(requester: string): void {
    this.#desks.get(requester)?.hurry()
  }

  /** A requester that may give work to this node is there. */
  connected(requester: string): void {
    if (this.#desks.has(requester) || this.#desks.size < LIMITS.goRequesters) this.at(requester).hurry()
  }

  /** The desk of a requester. Throws `TooManyRequests` where there are as many as may be. */
  at(requester: string, sameMachine = false): RequesterDesk {
    const known = this.#desks.get(requester)
    if (known !== undefined) return known
    if (this.#desks.size >= LIMITS.goRequesters) throw new BacalhauError('TooManyRequests', 'too many Go requesters')
    const { send } = this.#options
    const desk = new RequesterDesk({
      ...this.#options,
      requester,
      sameMachine,
      table: this.table,
      journal: this.#journal,
      send: (callback, signal) => send(requester, callback, signal),
    })
    this.#desks.set(requester, desk)
    void this.#present(desk)
    return desk
  }

  /** Leaves the requesters a moment to take the last reports; no channel is opened any more. */
  async farewell(): Promise<void> {
    const { clock } = this.#options
    this.#stopping.abort(new Error('the node is stopping'))
    for (const until = clock.monotonic() + LIMITS.goFarewell; clock.monotonic() < until; await sleep(clock, 20))
      if ([...this.#desks.values()].every(({ isIdle }) => isIdle)) return
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the node is stopping'))
    for (const desk of this.#desks.values()) desk.stop()
    await this.#journal.stop()
  }

  /** Our compute node works for the requester over one channel after another. */
  async #present(desk: RequesterDesk): Promise<void> {
    const { attach, clock, logger } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const error = await attach(desk.openChannel()).ended
      if (signal.aborted) return
      logger.debug({ error: error?.message }, 'the channel of a Go requester has ended')
      await sleep(clock, AGAIN, signal).catch(() => undefined)
    }
  }

  /** The program takes no bid back, and tells nobody that it was not taken up. */
  #sweep(): void {
    const { clock } = this.#options
    const before = clock.now() - LIMITS.goBidLife
    for (const entry of this.table.all()) {
      const { phase, since } = entry.taken
      if (since < before && (phase === 'bid' || phase === 'proposed')) this.table.end(entry, 'Cancelled')
    }
    const timer = clock.after(SWEEP, () => this.#sweep())
    this.#stopping.signal.addEventListener('abort', () => timer.cancel(), { once: true })
  }
}
