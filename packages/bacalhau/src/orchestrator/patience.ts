import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface PatienceHandler {
  /** Runs on the node whose grace is at most this many milliseconds are lost. */
  readonly onLost: (nodeId: string, grace: number) => void
  /** Nobody waits for the node any more. */
  readonly onForgotten: (nodeId: string) => void
}

/** A node that has gone, and is not back for certain. */
interface Absence {
  /** Monotonic milliseconds. */
  readonly since: number
  /** No grace is shorter. */
  readonly least: number
  /** Empty while it shows itself. */
  timers: readonly Timer[]
}

/** Gives nodes that have gone the time to come back: as long as each job says for what they run, and a while for what waits for them. */
export class Patience {
  readonly #clock: Clock
  readonly #handler: PatienceHandler
  readonly #absent = new Map<string, Absence>()

  constructor(clock: Clock, handler: PatienceHandler) {
    this.#clock = clock
    this.#handler = handler
  }

  /** The node has gone, with runs of these graces; none is shorter than `least`. Its time runs from when it was last there for certain. */
  gone(nodeId: string, graces: Iterable<number>, least = 0): void {
    const { onLost, onForgotten } = this.#handler
    const now = this.#clock.monotonic()
    const absence = this.#absent.get(nodeId) ?? { since: now, least, timers: [] }
    if (absence.timers.length > 0) return
    this.#absent.set(nodeId, absence)
    const after = (time: number, action: () => void) =>
      this.#clock.after(Math.max(0, absence.since + time - now), action)
    absence.timers = [
      ...[...new Set(graces)].map((grace) => after(Math.max(grace, absence.least), () => onLost(nodeId, grace))),
      after(LIMITS.nodeMemory, () => onForgotten(nodeId)),
    ]
  }

  /** The node shows itself, and may be deaf: nothing is lost meanwhile, and it wins no time. */
  seen(nodeId: string): void {
    const absence = this.#absent.get(nodeId)
    if (absence === undefined) return
    for (const timer of absence.timers) timer.cancel()
    absence.timers = []
  }

  /** The node is there, and hears us. */
  back(nodeId: string): void {
    this.seen(nodeId)
    this.#absent.delete(nodeId)
  }

  stop(): void {
    for (const nodeId of this.#absent.keys()) this.back(nodeId)
  }
}
