import type { Clock, Timer } from '../../runtime/clock.ts'

/** Longest delay that a timer of Node takes; a longer one would fire at once. Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Calls `action` once `time` milliseconds have passed on `clock`. Never, when `time` is 0. */
export function deadline(clock: Clock, time: number, action: () => void): Timer {
  if (time <= 0) return { cancel: () => {} }
  const end = clock.monotonic() + time
  const wait = (): Timer => {
    const left = end - clock.monotonic()
    return clock.after(Math.min(left, LONGEST_TIMER), () => {
      if (left > LONGEST_TIMER) timer = wait()
      else action()
    })
  }
  let timer = wait()
  return { cancel: () => timer.cancel() }
}
