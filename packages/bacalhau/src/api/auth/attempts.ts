import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** Makes those who guess passwords wait. */
export interface Attempts {
  /** May this address try now? */
  mayTry(address: string): boolean
  failed(address: string): void
  succeeded(address: string): void
}

interface Record {
  failures: number
  last: number
}

/** Some wrong passwords are mistakes; after these an address has one try in `LIMITS.wrongPasswordPause`. */
export function createAttempts(clock: Clock): Attempts {
  const records = new Map<string, Record>()
  return {
    mayTry(address) {
      const record = records.get(address)
      if (record === undefined || record.failures < LIMITS.wrongPasswords) return true
      return clock.monotonic() - record.last >= LIMITS.wrongPasswordPause
    },
    failed(address) {
      const failures = (records.get(address)?.failures ?? 0) + 1
      // The one that failed longest ago makes room.
      records.delete(address)
      const [oldest] = records.size >= LIMITS.pacedCallers ? records.keys() : []
      if (oldest !== undefined) records.delete(oldest)
      records.set(address, { failures, last: clock.monotonic() })
    },
    succeeded: (address) => void records.delete(address),
  }
}
