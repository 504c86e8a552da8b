import { abortReason } from '../../runtime/abort.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { turn } from '../../runtime/turn.ts'

/** As many go on in one turn. */
const AT_ONCE = 100

/** Those who wait for the next thing to happen. They are woken together, and not more often than every `pause` milliseconds. */
export class Sleepers {
  readonly #clock: Clock
  readonly #pause: number
  readonly #waiting = new Set<() => void>()
  #timer: Timer | undefined
  #woken = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, pause: number) {
    this.#clock = clock
    this.#pause = pause
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * Resolves with true soon after the next `wake`, or with false after `most` milliseconds. Rejects with the signal's reason
   * when it aborts first.
   */
  sleep(most: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const leave = () => {
        alarm.cancel()
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', onAbort)
      }
      const wake = () => {
        leave()
        resolve(true)
      }
      const onAbort = () => {
        leave()
        reject(abortReason(signal))
      }
      const alarm = this.#clock.after(most, () => {
        leave()
        resolve(false)
      })
      this.#waiting.add(wake)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  wake(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return
    const wait = Math.max(0, this.#woken + this.#pause - this.#clock.monotonic())
    this.#timer = this.#clock.after(wait, () => {
      this.#timer = undefined
      this.#woken = this.#clock.monotonic()
      this.#rouse([...this.#waiting])
    })
  }

  /** Thousands at once would hold up everything else. */
  #rouse(sleepers: (() => void)[]): void {
    for (const wake of sleepers.splice(0, AT_ONCE)) wake()
    if (sleepers.length > 0) void turn().then(() => this.#rouse(sleepers))
  }
}
