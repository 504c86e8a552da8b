import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface Pulse {
  /** Something arrived from the other side. */
  heard(): void
  /** Something was sent to the other side. */
  spoke(): void
  stop(): void
}

/**
 * Keeps a link audible: calls `beat` when this side has been silent for `LIMITS.linkHeartbeat`, and `lost`, once, when the
 * other side has been silent for `LIMITS.linkSilence`.
 */
export function startPulse(clock: Clock, beat: () => void, lost: () => void): Pulse {
  let lastHeard = clock.monotonic()
  let lastSpoke = lastHeard
  let timer: Timer | undefined

  const tick = () => {
    const now = clock.monotonic()
    if (now - lastHeard >= LIMITS.linkSilence) return lost()
    // Beats of an idle link fall on ticks; half a tick of tolerance keeps a beat from slipping to the next one.
    if (now - lastSpoke >= LIMITS.linkHeartbeat / 2) {
      lastSpoke = now
      beat()
    }
    timer = clock.after(LIMITS.linkHeartbeat, tick)
  }
  timer = clock.after(LIMITS.linkHeartbeat, tick)

  return {
    heard() {
      lastHeard = clock.monotonic()
    },
    spoke() {
      lastSpoke = clock.monotonic()
    },
    stop() {
      timer?.cancel()
    },
  }
}
