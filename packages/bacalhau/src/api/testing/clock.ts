import type { Clock } from '../../runtime/clock.ts'

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0
  #timers = new Set<{ readonly at: number; readonly action: () => void }>()

  now = () => this.#now
  monotonic = () => this.#now

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size
  }

  after(delay: number, action: () => void) {
    const timer = { at: this.#now + delay, action }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** Lets time pass; what is due happens in its order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#now = due.at
      due.action()
    }
    this.#now = end
  }
}
