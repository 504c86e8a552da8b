import { type Clock, sleep, type Timer } from '../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store, Write } from './store.ts'

/** Pause before a failed write is tried again, in milliseconds. */
const RETRY = 1_000

/** Something whose changes are written by a journal. */
export interface Recorded {
  /** Everything that has changed since it was last asked. */
  takeWrites(): Write[]
  /** What was taken last is durable now. */
  onDurable(): void
}

export interface JournalOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
}

/** Someone who waits for a unit to become durable. */
interface Waiter {
  resolve(): void
  reject(error: BacalhauError): void
}

/**
 * Writes what has been decided, and lets out what follows from it only when it is on disk. Strictly in order: one unit of
 * writes after another, however long the disk is full; whatever is decided while one is under way makes up the next.
 */
export class Journal implements Stoppable {
  readonly #options: JournalOptions
  readonly #stopped = new AbortController()
  #dirty = new Set<Recorded>()
  #effects: (() => void)[] = []
  readonly #waiting = new Set<Waiter>()
  #writing: Promise<void> | undefined
  #soon: Timer | undefined
  #trouble: BacalhauError | undefined

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Why the store refuses writes at present. */
  get trouble(): BacalhauError | undefined {
    return this.#trouble
  }

  /**
   * `recorded` has changed: its writes are taken at the end of this turn. All that is recorded until then is one unit, also
   * what is recorded while writes are being taken.
   */
  record(recorded: Recorded): void {
    this.#dirty.add(recorded)
    this.#start()
  }

  /** The same for a change that can wait `LIMITS.progressDelay` for others to be written with. */
  recordSoon(recorded: Recorded): void {
    this.#dirty.add(recorded)
    this.#soon ??= this.#options.clock.after(LIMITS.progressDelay, () => this.#start())
  }

  /** `effect` takes place when everything that was recorded until now is durable; effects keep their order. */
  after(effect: () => void): void {
    this.#effects.push(effect)
    this.#start()
  }

  /**
   * Resolves when everything that was recorded until now is durable. Rejects with the store's error when a write fails
   * meanwhile: what was recorded stays and is tried again, but whoever waits need not. Rejects when the journal is stopped.
   */
  flushed(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.reject(journalStopped())
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#waiting.add(waiter)
      this.after(() => {
        if (this.#waiting.delete(waiter)) resolve()
      })
    })
  }

  /** Writes what is left; a store that fails now is not tried again. */
  async stop(): Promise<void> {
    this.#start()
    const writing = this.#writing
    // Only a pause between two tries ends here: a unit that is under way comes to its end.
    this.#stopped.abort(journalStopped())
    await writing
    this.#release(journalStopped())
  }

  #start(): void {
    this.#soon?.cancel()
    this.#soon = undefined
    // In a microtask of its own, so that what is decided together is written together.
    this.#writing ??= Promise.resolve().then(() => this.#writeAll())
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#dirty.size > 0 || this.#effects.length > 0) await this.#writeUnit()
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, 'changes were not written before the stop')
    }
    this.#writing = undefined
  }

  async #writeUnit(): Promise<void> {
    const { recorded, writes } = this.#takeUnit()
    const effects = this.#effects
    this.#effects = []
    if (writes.length > 0) await this.#persist(writes)
    for (const one of recorded) this.#let(() => one.onDurable())
    for (const effect of effects) this.#let(effect)
  }

  /** A set is walked in the order of the additions, also of those that are made on the way. */
  #takeUnit(): { recorded: Set<Recorded>; writes: Write[] } {
    const recorded = new Set<Recorded>()
    const writes: Write[] = []
    const dirty = this.#dirty
    for (const one of dirty) {
      // Who is recorded again after it was asked has changed again, and is asked again.
      dirty.delete(one)
      recorded.add(one)
      this.#let(() => writes.push(...one.takeWrites()))
    }
    // For what was recorded on the way and could have waited.
    this.#soon?.cancel()
    this.#soon = undefined
    return { recorded, writes }
  }

  /** A fault in one must not keep the others from happening. */
  #let(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#options.logger.error({ error }, 'a fault while changes were written')
    }
  }

  async #persist(writes: readonly Write[]): Promise<void> {
    const { store, clock, logger } = this.#options
    for (;;) {
      try {
        await store.commit(writes)
        if (this.#trouble !== undefined) logger.warn({}, 'the store can be written again')
        this.#trouble = undefined
        return
      } catch (cause) {
        const error = isBacalhauError(cause) ? cause : new BacalhauError('InternalError', messageOf(cause), { cause })
        // Said once, not every second.
        if (this.#trouble?.message !== error.message) {
          logger.error({ error: error.message }, 'the store cannot be written; trying again')
        }
        this.#trouble = error
        this.#release(error)
        await sleep(clock, RETRY, this.#stopped.signal)
      }
    }
  }

  #release(error: BacalhauError): void {
    for (const waiter of this.#waiting) waiter.reject(error)
    this.#waiting.clear()
  }
}

const journalStopped = (): BacalhauError =>
  new BacalhauError('ServiceUnavailable', 'This node is being stopped; the change is not certain.')
