import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Output } from '../io.ts'
import type { Style } from './style.ts'
import { fitWidth } from './width.ts'

/** Says what goes on: one line that is rewritten on a terminal, one plain line per change elsewhere. */
export interface Progress {
  /** What goes on now. */
  update(text: string): Promise<void>
  /** How far it is, which would be too much to say where there is no terminal. */
  detail(text: string): Promise<void>
  /** Removes the moving line, so that other text can be written. The next update brings it back. */
  clear(): Promise<void>
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
/** Milliseconds between two pictures. */
const INTERVAL = 100
const ERASE_LINE = '\r\u001b[2K'

/** Progress that says nothing, for `--id-only` and machine-readable output. */
export const silentProgress: Progress = {
  update: async () => {},
  detail: async () => {},
  clear: async () => {},
}

export function createProgress(output: Output, style: Style, clock: Clock): Progress {
  return output.isTerminal ? movingLine(output, style, clock) : plainLines(output)
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

function movingLine(output: Output, style: Style, clock: Clock): Progress {
  let [text, frame] = ['', 0]
  let timer: Timer | undefined
  const draw = async () => {
    timer?.cancel()
    const picture = FRAMES[frame++ % FRAMES.length] ?? ''
    // The last column stays free: some terminals wrap a line that fills it.
    const line = fitWidth(text, output.columns - 3)
    // A terminal that went away is noticed by the next text that matters.
    timer = clock.after(INTERVAL, () => void draw().catch(() => {}))
    await output.write(`${ERASE_LINE}${style.cyan(picture)} ${line}`)
  }
  const update = async (next: string) => {
    text = next
    await draw()
  }
  return {
    update,
    detail: update,
    async clear() {
      if (timer === undefined) return
      timer.cancel()
      timer = undefined
      await output.write(ERASE_LINE)
    },
  }
}
