import type { Clock } from './clock.ts'

/** Time that stands still until it is told to move: for simulation and tests. */
export interface VirtualClock extends Clock {
  /** Moves time on. Timers fire at their times and in their order; after each moment everything that it set off comes to rest. */
  advance(milliseconds: number): Promise<void>
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: number
}

interface Alarm {
  readonly at: number
  readonly action: () => void
}

export function createVirtualClock(start: number = Date.UTC(2026, 0, 1)): VirtualClock {
  /** In order of time; of equal times in order of creation. */
  const alarms: Alarm[] = []
  let elapsed = 0

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(delay, action) {
      const alarm: Alarm = { at: elapsed + Math.max(0, delay), action }
      const later = alarms.findIndex(({ at }) => at > alarm.at)
      alarms.splice(later === -1 ? alarms.length : later, 0, alarm)
      return {
        cancel() {
          const index = alarms.indexOf(alarm)
          if (index !== -1) alarms.splice(index, 1)
        },
      }
    },
    async advance(milliseconds) {
      const end = elapsed + milliseconds
      await settle()
      for (let next = alarms[0]; next !== undefined && next.at <= end; next = alarms[0]) {
        elapsed = next.at
        for (; alarms[0] !== undefined && alarms[0].at <= elapsed;) alarms.shift()?.action()
        await settle()
      }
      elapsed = end
    },
    get pending() {
      return alarms.length
    },
  }
}

/**
 * Lets everything run that needs neither time nor an answer of the operating system: microtasks and turns of the event loop.
 * The longest chain of steps in memory (decide, commit, send, answer, commit) has about ten turns.
 */
export async function settle(turns = 25): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}
