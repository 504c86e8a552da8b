import type { LogPart } from '@bacalhau/client'
import type { Io } from '../io.ts'
import { plainText } from '../terminal/plain.ts'
import { type Style, styleFor } from '../terminal/style.ts'

/** Prints the output of jobs, and between it what the reader should know about it. */
export interface LogPrinter {
  print(part: LogPart): Promise<void>
  /** A line on standard error. */
  note(text: string): Promise<void>
}

/**
 * A printer that gives each stream to its own. A terminal gets the output without control characters, since a job must not drive
 * the user's terminal; a file or a pipe gets it as it is.
 */
export function createLogPrinter({ out, err, env }: Pick<Io, 'out' | 'err' | 'env'>, noColor = false): LogPrinter {
  const style: Style = styleFor(err, env, noColor)
  // Where both streams go to one terminal, a line of one may be unfinished when the other goes on.
  const unfinished = { stdout: false, stderr: false }
  return {
    async print({ stream, text }) {
      const output = stream === 'stderr' ? err : out
      if (text !== '') unfinished[stream] = !text.endsWith('\n')
      await output.write(output.isTerminal ? plainText(text) : text)
    },
    async note(text) {
      const midLine = unfinished.stderr || (unfinished.stdout && out.isTerminal && err.isTerminal)
      unfinished.stderr = false
      if (out.isTerminal) unfinished.stdout = false
      await err.write(`${midLine ? '\n' : ''}${style.dim(text)}\n`)
    },
  }
}
