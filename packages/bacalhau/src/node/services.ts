import type { Traffic } from '../link/traffic.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Meter } from '../runtime/meter.ts'
import type { Random } from '../runtime/random.ts'
import type { Store } from '../store/store.ts'

/** The world as every part of a node sees it. */
export interface Services {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly meter: Meter
  /** Counts what goes over links of either role. */
  readonly traffic: Traffic
}
