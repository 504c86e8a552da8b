import { retryPause } from '../../../network/backoff.ts'
import type { Clock, Timer } from '../../../runtime/clock.ts'
import type { Random } from '../../../runtime/random.ts'

/** Offers that our compute node has no room for, until they are made again. Each waits longer every time. */
export class Postponed {
  readonly #clock: Clock
  readonly #random: Random
  readonly #timers = new Map<string, Timer>()
  /** How often in a row each of them was refused. */
  readonly #refusals = new Map<string, number>()

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock
    this.#random = random
  }

  wait(executionId: string, again: () => void): void {
    const refusals = (this.#refusals.get(executionId) ?? 0) + 1
    this.#refusals.set(executionId, refusals)
    this.#timers.get(executionId)?.cancel()
    const timer = this.#clock.after(retryPause(refusals, this.#random), () => {
      this.#timers.delete(executionId)
      again()
    })
    this.#timers.set(executionId, timer)
  }

  /** It has been taken, or is not wanted any more. Says whether it was waiting. */
  forget(executionId: string): boolean {
    this.#refusals.delete(executionId)
    this.#timers.get(executionId)?.cancel()
    return this.#timers.delete(executionId)
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel()
  }
}
