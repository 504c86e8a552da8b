import { styleText } from 'node:util'
import type { Io, Output } from '../io.ts'

type Paint = (text: string) => string

/** Emphasis, where the reader can see it. */
export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

const FORMATS = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const

/** Colours on a terminal only, and not when `NO_COLOR` (https://no-color.org) or `--no-color` ask for none. */
export function styleFor(output: Output, env: Io['env'], noColor = false): Style {
  const coloured = output.isTerminal && !noColor && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const paint = (format: (typeof FORMATS)[number]): Paint =>
    coloured ? (text) => styleText(format, text, { validateStream: false }) : (text) => text
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}
