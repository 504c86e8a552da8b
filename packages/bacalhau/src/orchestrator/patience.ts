import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface PatienceHandler {
  /** What ran on the node is lost. */
  readonly onLost: (nodeId: string) => void
  /** Nobody waits for the node any more. */
  readonly onForgotten: (nodeId: string) => void
}

/** Gives nodes that have gone the time to come back: a short one for what they run, a longer one for what waits for them. */
export class Patience {
  readonly #clock: Clock
  readonly #handler: PatienceHandler
  readonly #timers = new Map<string, Timer[]>()

  constructor(clock: Clock, handler: PatienceHandler) {
    this.#clock = clock
    this.#handler = handler
  }

  /** The node has gone. Its time runs from the first such call on. */
  gone(nodeId: string, grace: number = LIMITS.linkGrace): void {
    if (this.#timers.has(nodeId)) return
    const { onLost, onForgotten } = this.#handler
    this.#timers.set(nodeId, [
      this.#clock.after(grace, () => onLost(nodeId)),
      this.#clock.after(LIMITS.nodeMemory, () => {
        this.#timers.delete(nodeId)
        onForgotten(nodeId)
      }),
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
