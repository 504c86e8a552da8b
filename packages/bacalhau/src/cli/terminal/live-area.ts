import type { Output } from '../io.ts'
import { displayWidth } from './width.ts'

/** Lines at the end of a terminal's text that are written over again and again. */
export interface LiveArea {
  /** Shows these lines in the place of the last ones. Each is to fit into the terminal, with one column to spare. */
  draw(lines: readonly string[]): Promise<void>
  /** Takes the lines away. What is written next stands where they began. */
  clear(): Promise<void>
}

/** From the cursor to the end of the terminal. */
const ERASE_REST = '\u001b[0J'

export function createLiveArea(output: Output): LiveArea {
  let shown: readonly string[] = []
  /** To the beginning of what is shown. A terminal that has become narrower since has broken lines that are too long for it. */
  const toStart = () => {
    const rows = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / output.columns)), 0)
    return rows > 1 ? `\r\u001b[${rows - 1}A` : '\r'
  }
  return {
    async draw(lines) {
      const start = toStart()
      shown = lines
      await output.write(`${start}${ERASE_REST}${lines.join('\n')}`)
    },
    async clear() {
      if (shown.length === 0) return
      const start = toStart()
      shown = []
      await output.write(`${start}${ERASE_REST}`)
    },
  }
}
