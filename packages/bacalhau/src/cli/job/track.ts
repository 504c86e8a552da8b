import type { Clock } from '../../runtime/clock.ts'
import { formatSpan } from '../terminal/time.ts'
import { displayWidth } from '../terminal/width.ts'
import type { JobProgress, Stage } from './progress-text.ts'

/** The way that a job has come so far, with the time that each part of it took: `queued 0.2s › placed 1.1s › running 12s`. */
export interface Track {
  /** The job is there now. */
  enter(progress: Pick<JobProgress, 'stage' | 'detail'>): void
  /** One line. Where it is too long for `columns`, the past is left out. */
  text(columns: number): string
}

const ORDER: readonly Stage[] = ['queued', 'placed', 'running', 'publishing', 'completed', 'failed', 'stopped']

/** A track by the clock of this machine: those of the nodes may differ. */
export function createTrack(clock: Clock): Track {
  let past: { readonly stage: Stage; readonly since: number; took?: number }[] = []
  let detail = ''
  return {
    enter(progress) {
      detail = progress.detail
      const { stage } = progress
      const last = past.at(-1)
      if (last?.stage === stage) return
      const now = clock.monotonic()
      if (last !== undefined) last.took = now - last.since
      // A job that goes back, since it is tried again, begins its way anew.
      past = past.filter((other) => ORDER.indexOf(other.stage) < ORDER.indexOf(stage))
      past.push({ stage, since: now })
    },
    text(columns) {
      const now = clock.monotonic()
      const parts = past.map(({ stage, since, took = now - since }) => `${stage} ${formatShort(took)}`)
      const tail = detail === '' ? '' : `: ${detail}`
      const whole = parts.join(' › ') + tail
      return displayWidth(whole) <= columns ? whole : (parts.at(-1) ?? '') + tail
    },
  }
}

/** Milliseconds as tenths of a second, which are calmer to look at than milliseconds; long spans as everywhere. */
const formatShort = (span: number): string =>
  span < 10_000 ? `${(Math.floor(span / 100) / 10).toFixed(1)}s` : formatSpan(span)
