import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface Pulse {
  /** Something arrived from the other side. */
  heard(): void
  stop(): void
}

/** Beats in a row without a sign of the other side after which it counts as lost. */
const PATIENCE = LIMITS.linkSilence / LIMITS.linkHeartbeat

/**
 * Keeps a link audible: calls `beat` every `LIMITS.linkHeartbeat`, and `lost`, once, when the other side has been silent for
 * `LIMITS.linkSilence`. Silence is counted in our own beats, so that a program that was itself held up (a sleeping machine, a
 * busy processor) gives what has arrived meanwhile the time to be read.
 */
export function startPulse(clock: Clock, beat: () => void, lost: () => void): Pulse {
  let silent = 0
  let timer: Timer

  const tick = () => {
    silent += 1
    if (silent >= PATIENCE) return lost()
    timer = clock.after(LIMITS.linkHeartbeat, tick)
    beat()
  }
  timer = clock.after(LIMITS.linkHeartbeat, tick)

  return {
    heard() {
      silent = 0
    },
    stop: () => timer.cancel(),
  }
}
