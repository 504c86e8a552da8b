import type { Clock, Timer } from '../../runtime/clock.ts'

/** Rings once, at the earliest of the times that it was set to. */
export function createAlarm(clock: Clock, ring: () => void) {
  let timer: Timer | undefined
  let at = Infinity
  let stopped = false
  return {
    within(delay: number): void {
      if (stopped || clock.monotonic() + delay >= at) return
      timer?.cancel()
      at = clock.monotonic() + delay
      timer = clock.after(delay, () => {
        at = Infinity
        ring()
      })
    },
    stop(): void {
      stopped = true
      timer?.cancel()
    },
  }
}
