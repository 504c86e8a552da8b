import type { Clock } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import { DURATIONS, type Meter } from '../runtime/meter.ts'
import type { Store } from './store.ts'

export interface MeasuredStore extends Store {
  /** Why the last unit could not be written; undefined when it could. */
  readonly trouble: string | undefined
}

/** The same store, which counts its commits, their writes, and how long each takes until it is durable. */
export function measuredStore(store: Store, meter: Meter, clock: Pick<Clock, 'monotonic'>): MeasuredStore {
  let trouble: string | undefined
  const writes = meter.counter('bacalhau_store_writes_total', 'Rows written or removed.')
  const failures = meter.counter('bacalhau_store_commit_failures_total', 'Units that could not be written.')
  const seconds = meter.histogram(
    'bacalhau_store_commit_duration_seconds',
    'Time until a unit of writes is on the disk for good.',
    DURATIONS,
  )
  return {
    get trouble() {
      return trouble
    },
    async commit(unit) {
      const begin = clock.monotonic()
      const committed = store.commit(unit)
      try {
        await committed
      } catch (error) {
        trouble = messageOf(error)
        failures.add()
        throw error
      }
      trouble = undefined
      writes.add(unit.length)
      seconds.observe((clock.monotonic() - begin) / 1_000)
    },
    get: (table, key) => store.get(table, key),
    range: (table, query) => store.range(table, query),
    stop: () => store.stop(),
  }
}
