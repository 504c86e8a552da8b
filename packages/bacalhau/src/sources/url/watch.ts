import type { Clock } from '../../runtime/clock.ts'

/** A signal that aborts with `outer`, or when nobody has called `touch` for some time. */
export interface Watch {
  readonly signal: AbortSignal
  readonly touch: () => void
  readonly end: () => void
}

/** `silence`: milliseconds that may pass without a touch. */
export function watchSilence(clock: Clock, silence: number, outer: AbortSignal, late: () => Error): Watch {
  const controller = new AbortController()
  let last = clock.monotonic()
  const look = () => {
    const rest = last + silence - clock.monotonic()
    if (rest <= 0) controller.abort(late())
    else timer = clock.after(rest, look)
  }
  let timer = clock.after(silence, look)
  return {
    signal: AbortSignal.any([outer, controller.signal]),
    touch: () => {
      last = clock.monotonic()
    },
    end: () => timer.cancel(),
  }
}
