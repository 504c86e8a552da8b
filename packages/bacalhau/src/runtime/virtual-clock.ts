import type { Clock } from './clock.ts'

/** Time that stands still until it is told to move: for simulation and tests. */
export interface VirtualClock extends Clock {
  /** Moves time on. Timers fire at their times and in their order; after each moment everything that it set off comes to rest. */
  advance(milliseconds: number): Promise<void>
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: number
}

export interface VirtualClockOptions {
  /**
   * Turns of the event loop until what a moment set off has come to rest. One is enough where everything is done in
   * microtasks, and then a moment costs a microsecond; what takes turns itself (files, immediates) needs more.
   */
  readonly turns?: number
}

interface Alarm {
  readonly at: number
  /** Order of creation, for alarms of the same moment. */
  readonly order: number
  /** Gone when it has fired or was cancelled. */
  action: (() => void) | undefined
}

/** The longest chain of steps through a store and a loopback (decide, commit, send, answer, commit) has about ten turns. */
const PATIENT = 25

/** A clock whose wall time begins at `start`. */
export function createVirtualClock(
  start: number = Date.UTC(2026, 0, 1),
  { turns = PATIENT }: VirtualClockOptions = {},
): VirtualClock {
  const alarms = new AlarmHeap()
  let [elapsed, created, pending] = [0, 0, 0]

  function fire(): void {
    const action = alarms.pop()?.action
    if (action === undefined) return
    pending -= 1
    action()
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(delay, action) {
      const alarm: Alarm = {
        at: elapsed + Math.max(0, delay),
        order: (created += 1),
        action: () => {
          alarm.action = undefined
          action()
        },
      }
      alarms.push(alarm)
      pending += 1
      return {
        cancel() {
          if (alarm.action === undefined) return
          alarm.action = undefined
          pending -= 1
          if (alarms.size > 2 * pending + 64) alarms.compact()
        },
      }
    },
    async advance(milliseconds) {
      const end = elapsed + milliseconds
      await settle(turns)
      for (let next = alarms.first(); next !== undefined && next.at <= end; next = alarms.first()) {
        elapsed = next.at
        for (; (alarms.first()?.at ?? Infinity) <= elapsed;) fire()
        await settle(turns)
      }
      elapsed = end
    },
    get pending() {
      return pending
    },
  }
}

/** Lets everything run that needs neither time nor an answer of the operating system: microtasks and turns of the event loop. */
export async function settle(turns: number = PATIENT): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const isBefore = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap: the first alarm is at hand, whoever adds or takes one looks at a few. Cancelled ones stay until they are met. */
class AlarmHeap {
  #alarms: Alarm[] = []

  get size(): number {
    return this.#alarms.length
  }

  /** The first alarm that was not cancelled. */
  first(): Alarm | undefined {
    for (;;) {
      const alarm = this.#alarms[0]
      if (alarm === undefined || alarm.action !== undefined) return alarm
      this.pop()
    }
  }

  push(alarm: Alarm): void {
    const alarms = this.#alarms
    let place = alarms.push(alarm) - 1
    for (; place > 0;) {
      const above = (place - 1) >>> 1
      const parent = alarms[above]
      if (parent === undefined || isBefore(parent, alarm)) break
      alarms[place] = parent
      place = above
    }
    alarms[place] = alarm
  }

  pop(): Alarm | undefined {
    const [first] = this.#alarms
    const last = this.#alarms.pop()
    if (last !== undefined && this.#alarms.length > 0) this.#sink(last)
    return first
  }

  /** Throws out what was cancelled. */
  compact(): void {
    // In order of time, which is a heap as well.
    this.#alarms = this.#alarms.filter(({ action }) => action !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /** Puts `alarm` into the free place at the top. */
  #sink(alarm: Alarm): void {
    const alarms = this.#alarms
    let place = 0
    for (;;) {
      const [left, right] = [alarms[2 * place + 1], alarms[2 * place + 2]]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, alarm)) break
      alarms[place] = child
      place = 2 * place + (child === right ? 2 : 1)
    }
    alarms[place] = alarm
  }
}
