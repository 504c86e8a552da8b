import { abortable } from '../runtime/abort.ts'
import { type Clock, sleep, type Timer } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store, Write } from '../store/store.ts'

/** Pause before a failed write is tried again, in milliseconds. */
const RETRY = 1_000

export interface JournalOptions<T> {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** Everything that has changed in this one since it was last asked for. */
  readonly takeWrites: (recorded: T) => Write[]
  /** Changes of this one have just become durable. */
  readonly onDurable: (recorded: T) => void
}

/**
 * Writes what has been decided, and lets out what follows from it only when it is on disk. Strictly in order: one unit of
 * writes after another, however long the disk is full; whatever is decided while one is under way makes up the next.
 */
export class Journal<T> implements Stoppable {
  readonly #options: JournalOptions<T>
  readonly #stopped = new AbortController()
  #dirty = new Set<T>()
  #effects: (() => void)[] = []
  #writing: Promise<void> | undefined
  #soon: Timer | undefined

  constructor(options: JournalOptions<T>) {
    this.#options = options
  }

  /** `recorded` has changed: its writes are taken at the end of this turn. */
  record(recorded: T): void {
    this.#dirty.add(recorded)
    this.#start()
  }

  /** The same for a change that can wait `LIMITS.progressDelay` for others to be written with. */
  recordSoon(recorded: T): void {
    this.#dirty.add(recorded)
    this.#soon ??= this.#options.clock.after(LIMITS.progressDelay, () => this.#start())
  }

  /** `effect` takes place when everything that was recorded until now is durable. */
  after(effect: () => void): void {
    this.#effects.push(effect)
    this.#start()
  }

  /** Resolves when everything that was recorded until now is durable; rejects when the journal is stopped before. */
  flushed(): Promise<void> {
    return abortable(new Promise<void>((resolve) => this.after(resolve)), this.#stopped.signal)
  }

  /** Writes what is left; a store that fails now is not tried again. */
  async stop(): Promise<void> {
    this.#start()
    const writing = this.#writing
    // Only a pause between two tries ends here: a unit that is under way comes to its end.
    this.#stopped.abort(new Error('the orchestrator is being stopped'))
    await writing
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
    const changes = [...this.#dirty].map((recorded) => ({ recorded, writes: this.#options.takeWrites(recorded) }))
    const effects = this.#effects
    this.#dirty = new Set()
    this.#effects = []
    const changed = changes.filter(({ writes }) => writes.length > 0)
    if (changed.length > 0) await this.#persist(changed.flatMap(({ writes }) => writes))
    for (const { recorded } of changed) this.#let(() => this.#options.onDurable(recorded))
    for (const effect of effects) this.#let(effect)
  }

  /** A fault in one effect must not keep the others from happening. */
  #let(effect: () => void): void {
    try {
      effect()
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, 'a decision had no effect')
    }
  }

  async #persist(writes: readonly Write[]): Promise<void> {
    const { store, clock, logger } = this.#options
    for (;;) {
      try {
        return await store.commit(writes)
      } catch (error) {
        logger.error({ error: messageOf(error) }, 'the store cannot be written; trying again')
        await sleep(clock, RETRY, this.#stopped.signal)
      }
    }
  }
}
