import { isFinalJobState } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Row, Store } from '../store/store.ts'
import { forgetJob, type JobRow, readJob } from './job-records.ts'

/** Jobs that are looked at, and removed, in one go. */
const BATCH = 200

export interface HousekeepingOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** Ended jobs that are kept; the oldest go first. */
  readonly kept: number
  /** Jobs that must not be touched now. */
  readonly isBusy: (jobId: string) => boolean
  /** Removes what else has become old. */
  readonly sweep?: () => Promise<void>
  /** A job has been removed. */
  readonly onRemoved: (row: JobRow) => void
}

/** Keeps the store from growing for ever: removes the oldest of the jobs that have ended, with all that is known of them. */
export function startHousekeeping(options: HousekeepingOptions): Stoppable {
  return new Housekeeping(options)
}

class Housekeeping implements Stoppable {
  readonly #options: HousekeepingOptions
  #timer: Timer | undefined
  #sweeping: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#sweeping
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(LIMITS.housekeeping, () => {
      this.#sweeping = this.#sweep()
    })
  }

  async #sweep(): Promise<void> {
    try {
      await this.#options.sweep?.()
      await this.#removeOldest((await this.#count()) - this.#options.kept)
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, 'old jobs could not be removed')
    }
    if (!this.#stopped) this.#schedule()
  }

  async #count(): Promise<number> {
    let count = 0
    for await (const rows of this.#pages(LIMITS.page)) count += rows.length
    return count
  }

  async #removeOldest(wanted: number): Promise<void> {
    let left = wanted
    if (left <= 0) return
    for await (const rows of this.#pages(BATCH)) {
      for (const { key } of rows) {
        if (left > 0 && (await this.#remove(key.slice(key.indexOf('/') + 1)))) left -= 1
      }
      if (left <= 0) return
    }
  }

  /** False for a job that has not ended, or with which something is being done. */
  async #remove(id: string): Promise<boolean> {
    const { store, isBusy, onRemoved } = this.#options
    const row = await readJob(store, id)
    if (row === undefined || !isFinalJobState(row.job.State.StateType)) return false
    const writes = await forgetJob(store, row)
    if (isBusy(id)) return false
    await store.commit(writes)
    onRemoved(row)
    return true
  }

  /** Jobs by time of creation, oldest first. */
  async *#pages(limit: number): AsyncGenerator<readonly Row[]> {
    for (let after: string | undefined; !this.#stopped;) {
      const rows = await this.#options.store.range('job-by-time', after === undefined ? { limit } : { limit, after })
      yield rows
      after = rows.at(-1)?.key
      if (rows.length < limit) return
    }
  }
}
