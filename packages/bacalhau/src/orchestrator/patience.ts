import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface PatienceHandler {
  /** Runs on the node whose grace is at most this many milliseconds are lost. */
  readonly onLost: (nodeId: string, grace: number) => void
  /** Nobody waits for the node any more. */
  readonly onForgotten: (nodeId: string) => void
}

/** Gives nodes that have gone the time to come back: as long as each job says for what they run, and a while for what waits for them. */
export class Patience {
  readonly #clock: Clock
  readonly #handler: PatienceHandler
  readonly #timers = new Map<string, Timer[]>()

  constructor(clock: Clock, handler: PatienceHandler) {
    this.#clock = clock
    this.#handler = handler
  }

  /** The node has gone, with runs of these graces; none is shorter than `least`. Its time runs from the first such call on. */
  gone(nodeId: string, graces: Iterable<number>, least = 0): void {
    if (this.#timers.has(nodeId)) return
    const { onLost, onForgotten } = this.#handler
    const distinct = new Set(graces)
    this.#timers.set(nodeId, [
      ...[...distinct].map((grace) => this.#clock.after(Math.max(grace, least), () => onLost(nodeId, grace))),
      this.#clock.after(LIMITS.nodeMemory, () => onForgotten(nodeId)),
    ])
  }

  back(nodeId: string): void {
    for (const timer of this.#timers.get(nodeId) ?? []) timer.cancel()
    this.#timers.delete(nodeId)
  }

  stop(): void {
    for (const nodeId of this.#timers.keys()) this.back(nodeId)
  }
}
