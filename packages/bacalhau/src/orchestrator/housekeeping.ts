import { isFinalJobState } from '@bacalhau/models'
import type { Clock, Timer } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store } from '../store/store.ts'
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
  /** A job has been removed. */
  readonly onRemoved: (row: JobRow) => void
}

/** Keeps the store from growing for ever: removes the oldest of the jobs that have ended, with all that is known of them. */
export function startHousekeeping(options: HousekeepingOptions): Stoppable {
  const { store, clock, logger, kept } = options
  let timer: Timer | undefined
  let stopped = false
  let sweeping: Promise<void> = Promise.resolve()

  /** How many jobs there are beyond those that are kept. Ends the count early where there are far more. */
  async function surplus(): Promise<number> {
    let count = 0
    for (let after: string | undefined; !stopped;) {
      const query = after === undefined ? { limit: LIMITS.page } : { limit: LIMITS.page, after }
      const rows = await store.range('job-by-time', query)
      count += rows.length
      after = rows.at(-1)?.key
      if (rows.length < LIMITS.page) break
    }
    return count - kept
  }

  async function removeOldest(wanted: number): Promise<void> {
    let left = wanted
    for (let after: string | undefined; left > 0 && !stopped;) {
      const rows = await store.range('job-by-time', { limit: BATCH, ...(after === undefined ? {} : { after }) })
      for (const { key } of rows) {
        after = key
        const id = key.slice(key.indexOf('/') + 1)
        const row = left > 0 ? await readJob(store, id) : undefined
        if (row === undefined || options.isBusy(id) || !isFinalJobState(row.job.State.StateType)) continue
        const writes = await forgetJob(store, row)
        if (options.isBusy(id)) continue
        await store.commit(writes)
        options.onRemoved(row)
        left -= 1
      }
      if (rows.length < BATCH) return
    }
  }

  const sweep = async () => {
    try {
      await removeOldest(await surplus())
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'old jobs could not be removed')
    }
    if (!stopped) schedule()
  }
  const schedule = () => {
    timer = clock.after(LIMITS.housekeeping, () => {
      sweeping = sweep()
    })
  }
  schedule()
  return {
    async stop() {
      stopped = true
      timer?.cancel()
      await sweeping
    },
  }
}
