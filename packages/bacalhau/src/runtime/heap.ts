import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock, Timer } from './clock.ts'
import type { Stoppable } from './lifecycle.ts'

/** Milliseconds between two looks at how busy the process is. */
const LOOK = 5_000
/** Milliseconds of processor time in which a process that idles may have lived from one look to the next. */
const IDLE = 250
/** Milliseconds of processor time that leave behind enough to be worth the pause of a collection. */
const WORTH = 1_000

/**
 * Keeps V8's space for young objects at its first size. By itself it grows with every burst of work and hardly ever shrinks again:
 * after ten thousand jobs of which nothing is left, it holds a hundred megabytes. Costs a busy node some of its
 * throughput, and saves an idle one most of its memory. To be called once, early in the process.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

export interface IdleCollectorOptions {
  readonly clock: Clock
  /** Milliseconds of processor time that the process has used so far. */
  readonly used?: () => number
  readonly collect?: () => void
}

/**
 * Gives the memory that a burst of work has left behind back to the system once the process idles. V8 collects only while
 * something allocates, and keeps the pages that it has freed: 240 MB after ten thousand jobs, 150 MB after a collection. That
 * pauses the process for some 0.1 s, which is why it happens only when nothing is going on.
 */
export function startIdleCollector({ clock, used = cpuTime, collect = collectAll }: IdleCollectorOptions): Stoppable {
  let seen = used()
  // What the start has left behind is worth it.
  let worked = WORTH
  let timer: Timer
  const look = () => {
    const spent = used() - seen
    worked += spent
    if (spent < IDLE && worked >= WORTH) {
      collect()
      worked = 0
    }
    seen = used()
    timer = clock.after(LOOK, look)
  }
  timer = clock.after(LOOK, look)
  return {
    stop() {
      timer.cancel()
      return Promise.resolve()
    },
  }
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

type Collect = (options: { type: 'major'; flavor: 'last-resort' }) => void

let collector: Collect | undefined

/** Only this flavour returns the pages that V8 keeps in stock. */
function collectAll(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    collector = runInNewContext('gc') as Collect
  }
  collector({ type: 'major', flavor: 'last-resort' })
}
