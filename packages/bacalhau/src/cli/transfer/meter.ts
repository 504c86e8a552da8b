import { formatBytes } from '@bacalhau/models/units'
import type { Clock } from '../../runtime/clock.ts'
import { bar } from '../terminal/bar.ts'
import type { Progress } from '../terminal/progress.ts'
import { formatSpan } from '../terminal/time.ts'
import { displayWidth } from '../terminal/width.ts'

/** Counts the bytes of a transfer and shows how far it is. */
export interface Meter {
  add(count: number): void
  /** Bytes that were there before this transfer began: they count, but not for its speed. */
  start(known: number): Promise<void>
}

/** Smaller things are over before anybody reads about them. In bytes. */
const WORTH_TELLING = 8_000_000

export interface MeterOptions {
  /** What goes on: `fetching QmA`. */
  readonly what: string
  /** Bytes in all, if that is known. */
  readonly total: number | undefined
  readonly progress: Progress
  readonly clock: Clock
}

export function createMeter({ what, total, progress, clock }: MeterOptions): Meter {
  let [done, known] = [0, 0]
  const begin = clock.monotonic()
  const show = (columns: number) => {
    const seconds = Math.max(0.001, (clock.monotonic() - begin) / 1_000)
    const speed = (done - known) / seconds
    return meterText({ what, done, total, speed }, columns)
  }
  return {
    add(count) {
      done += count
    },
    async start(before) {
      done = known = before
      const size = total === undefined ? '' : ` (${formatBytes(total)})`
      const rest = before === 0 ? '' : `, going on after ${formatBytes(before)} that are there already`
      // One line is enough where nothing moves, and none for what is over at once.
      if ((total ?? 0) >= WORTH_TELLING || before > 0) await progress.update(`${what}${size}${rest}`, show)
      else await progress.detail(show)
    },
  }
}

interface Moment {
  readonly what: string
  readonly done: number
  readonly total: number | undefined
  /** Bytes in a second. */
  readonly speed: number
}

/** `fetching QmA ████░░░░ 45 % of 120 MB, 12 MB/s, 5s left`, or less of it where there is less room. */
export function meterText({ what, done, total, speed }: Moment, columns: number): string {
  const pace = speed < 1 ? '' : `, ${formatBytes(Math.round(speed))}/s`
  if (total === undefined || total === 0) return `${what}: ${formatBytes(done)}${pace}`
  // The sizes in a folder are what its author says: never more than everything.
  const share = Math.min(1, done / total)
  const left = speed < 1 || share === 1 ? '' : `, ${formatSpan(Math.ceil((total - done) / speed) * 1_000)} left`
  const words = ` ${Math.floor(share * 100)} % of ${formatBytes(total)}${pace}${left}`
  const room = columns - displayWidth(what) - words.length - 1
  return room < 5 ? `${what}:${words}` : `${what} ${bar(share, Math.min(30, room))}${words}`
}
