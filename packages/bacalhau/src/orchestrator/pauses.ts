import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

interface Pause {
  /** Milliseconds. */
  readonly length: number
  over: boolean
  timer: Timer
}

/**
 * Nodes that had no room, although we thought so: they may work for others too. Jobs of the same shape are not offered to
 * such a node for a while, which doubles each time, from `LIMITS.refusalPause` to `LIMITS.refusalPauseMost`.
 */
export class Pauses {
  readonly #clock: Clock
  readonly #onOver: () => void
  /** By shape, then by node. */
  readonly #pauses = new Map<string, Map<string, Pause>>()

  constructor(clock: Clock, onOver: () => void) {
    this.#clock = clock
    this.#onOver = onOver
  }

  begin(shape: string, nodeId: string): void {
    const nodes = this.#pauses.get(shape) ?? new Map<string, Pause>()
    this.#pauses.set(shape, nodes)
    const known = nodes.get(nodeId)
    // Several offers of one pass may be refused: that is one refusal.
    if (known?.over === false) return
    known?.timer.cancel()
    const length = Math.min(LIMITS.refusalPauseMost, known === undefined ? LIMITS.refusalPause : known.length * 2)
    const timer = this.#clock.after(length, () => {
      pause.over = true
      // Remembered for as long again, so that the next refusal counts as a repeated one.
      pause.timer = this.#clock.after(length, () => this.end(shape, nodeId))
      this.#onOver()
    })
    const pause: Pause = { length, over: false, timer }
    nodes.set(nodeId, pause)
  }

  /** The node takes jobs of this shape again. True when that is news. */
  end(shape: string, nodeId: string): boolean {
    const nodes = this.#pauses.get(shape)
    const pause = nodes?.get(nodeId)
    if (nodes === undefined || pause === undefined) return false
    pause.timer.cancel()
    nodes.delete(nodeId)
    if (nodes.size === 0) this.#pauses.delete(shape)
    return !pause.over
  }

  isPaused(shape: string, nodeId: string): boolean {
    return this.#pauses.get(shape)?.get(nodeId)?.over === false
  }

  stop(): void {
    for (const nodes of this.#pauses.values()) for (const { timer } of nodes.values()) timer.cancel()
    this.#pauses.clear()
  }
}
