import { type Clock, sleep } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store, Write } from '../store/store.ts'

/** Pause before a failed write is tried again, in milliseconds. */
const RETRY = 1_000

/** Writes what has already happened: it must get to the disk, in order, however long the disk is full. */
export class Committer {
  readonly #store: Store
  readonly #clock: Clock
  readonly #logger: Logger
  #failing: Promise<void> | undefined

  constructor(store: Store, clock: Clock, logger: Logger) {
    this.#store = store
    this.#clock = clock
    this.#logger = logger
  }

  /** Resolves once the writes are durable. Rejects only when `signal` aborts while the store fails. */
  async commit(writes: readonly Write[], signal: AbortSignal): Promise<void> {
    if (writes.length === 0) return
    // While the store fails, later units queue up behind the failing one, so that order is kept.
    if (this.#failing !== undefined) return (this.#failing = this.#failing.then(() => this.#persist(writes, signal)))
    try {
      await this.#store.commit(writes)
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'the store cannot be written; trying again')
      const persisted = (this.#failing ?? Promise.resolve()).then(() => this.#persist(writes, signal))
      this.#failing = persisted
      await persisted
      if (this.#failing === persisted) this.#failing = undefined
    }
  }

  async #persist(writes: readonly Write[], signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#store.commit(writes)
      } catch (error) {
        signal.throwIfAborted()
        this.#logger.error({ error: messageOf(error) }, 'the store still cannot be written')
        await sleep(this.#clock, RETRY, signal)
      }
    }
  }
}
