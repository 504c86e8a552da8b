import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Output } from '../io.ts'
import { createLiveArea } from './live-area.ts'
import type { Style } from './style.ts'
import { wrapWidth } from './width.ts'

/** Says what goes on: a few words that are written over on a terminal, one plain line per change elsewhere. */
export interface Progress {
  /** What goes on now. A terminal shows `moving` instead, which is asked for each picture and so may count the seconds. */
  update(text: string, moving?: Moving): Promise<void>
  /** How far it is, which would be too much to say where there is no terminal. */
  detail(moving: string | Moving): Promise<void>
  /** Removes the moving words, so that other text can be written. The next update brings them back. */
  clear(): Promise<void>
}

/** What a terminal is to show at this moment, in the columns that it has; a plain line. */
export type Moving = (columns: number) => string

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
/** Milliseconds between two pictures. */
const INTERVAL = 100
/** Lines that a long sentence may take on a narrow terminal. */
const MOST_LINES = 4

/** Progress that says nothing, for `--id-only` and machine-readable output. */
export const silentProgress: Progress = {
  update: async () => {},
  detail: async () => {},
  clear: async () => {},
}

export function createProgress(output: Output, style: Style, clock: Clock): Progress {
  return output.redraws ? movingWords(output, style, clock) : plainLines(output)
}

function plainLines(output: Output): Progress {
  let last = ''
  return {
    async update(text) {
      if (text === last) return
      last = text
      await output.write(`${text}\n`)
    },
    detail: async () => {},
    clear: async () => {},
  }
}

function movingWords(output: Output, style: Style, clock: Clock): Progress {
  const area = createLiveArea(output)
  let frame = 0
  let words: Moving = () => ''
  let timer: Timer | undefined
  const draw = async () => {
    timer?.cancel()
    const picture = FRAMES[frame++ % FRAMES.length] ?? ''
    // The picture and a blank; and the last column stays free, since some terminals break a line that fills it.
    const columns = Math.max(1, output.columns - 3)
    const [first = '', ...more] = wrapWidth(words(columns), columns, MOST_LINES)
    // A terminal that went away is noticed by the next text that matters.
    timer = clock.after(INTERVAL, () => void draw().catch(() => {}))
    await area.draw([`${style.cyan(picture)} ${first}`, ...more.map((line) => `  ${line}`)])
  }
  const show = async (next: Moving) => {
    words = next
    await draw()
  }
  return {
    update: (text, moving = () => text) => show(moving),
    detail: (moving) => show(typeof moving === 'string' ? () => moving : moving),
    async clear() {
      if (timer === undefined) return
      timer.cancel()
      timer = undefined
      await area.clear()
    },
  }
}
