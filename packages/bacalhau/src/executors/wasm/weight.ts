import { constants, setPriority } from 'node:os'
import type { Clock, Timer } from '../../runtime/clock.ts'

/** On the scale of `nice`: where processors are scarce, the node's own thread gets three times the share of a sandbox with this one. */
export const NICE = 5
/** On that scale a step is a quarter more or less of processor time, in competition with others. */
const STEP = 1.25
/** What runs for less than this, in milliseconds, is not worth a word with the system. */
const SHORT = 100
/** In the place of the number of a thread: it has none of its own, or is only being started. */
export const NO_THREAD = -1
const NOT_YET = 0

/** What the thread of a job with so many cores has: the fewer, the less it gets when there are not enough for all. */
export function niceOf(cores: number): number {
  const steps = cores > 0 ? Math.round(-Math.log(Math.min(1, cores)) / Math.log(STEP)) : constants.priority.PRIORITY_LOW
  return Math.min(NICE + steps, constants.priority.PRIORITY_LOW)
}

export interface Weight {
  /** The job has ended. False when the thread has its weight still, which not every system lets be taken off. */
  release(): boolean
}

/**
 * Gives the thread of a job its weight, once it has run for a while. A module is one thread and asks for its share of a core when
 * it computes, never again in between: no more can be done from outside than to let others go before it. `thread` gives the
 * number that the system knows the thread by, `NO_THREAD`, or `NOT_YET`.
 */
export function weigh(clock: Clock, thread: () => number, cores: number): Weight {
  const nice = niceOf(cores)
  let weighted = NO_THREAD
  let timer: Timer | undefined
  const look = () => {
    const id = thread()
    if (id === NOT_YET) timer = clock.after(SHORT, look)
    else if (id !== NO_THREAD && trySetPriority(id, nice)) weighted = id
  }
  if (nice > NICE) timer = clock.after(SHORT, look)
  return {
    release() {
      timer?.cancel()
      return weighted === NO_THREAD || trySetPriority(weighted, NICE)
    },
  }
}

/** Sandboxes of the operating system may forbid it; nothing depends on it. */
function trySetPriority(thread: number, nice: number): boolean {
  try {
    setPriority(thread, nice)
    return true
  } catch {
    return false
  }
}
