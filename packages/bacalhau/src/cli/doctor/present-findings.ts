import type { Io } from '../io.ts'
import { present, type PrintFlags } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Style } from '../terminal/style.ts'
import { wrapWidth } from '../terminal/width.ts'
import type { Finding } from './finding.ts'

/** Prints what checks have found, and gives the exit code. */
export async function presentFindings(io: Io, flags: PrintFlags, findings: readonly Finding[]): Promise<number> {
  const documents = findings.map(({ check, status, message, hint }) => ({
    Check: check,
    Status: status,
    Message: message,
    ...(hint === undefined ? {} : { Hint: hint }),
  }))
  const columns = io.out.isTerminal ? io.out.columns : Number.MAX_SAFE_INTEGER
  await present(io, flags, documents, (style) => findingsText(findings, columns, style))
  return findings.some(({ status }) => status === 'fail') ? 1 : 0
}

/** Findings one below the other, each with what to do; long ones broken where the terminal ends. */
function findingsText(findings: readonly Finding[], columns: number, style: Style): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const paint = { ok: style.green, warn: style.yellow, fail: style.red }
  // The status, the check, the gaps between them, and one column to spare.
  const room = Math.max(20, columns - width - 9)
  const lines = findings.flatMap(({ check, status, message, hint }) => {
    const text = [
      ...wrapWidth(plainLine(message), room, MOST_LINES),
      ...hintLines(status === 'ok' ? undefined : hint, room, style),
    ]
    return text.map((line, index) =>
      index === 0
        ? `${paint[status](status.padEnd(4))}  ${check.padEnd(width)}  ${line}`
        : `${' '.repeat(width + 8)}${line}`,
    )
  })
  const bad = findings.filter(({ status }) => status === 'fail').length
  const doubtful = findings.filter(({ status }) => status === 'warn').length
  const verdict =
    bad > 0 ? `${bad} of these must be put right.` : doubtful > 0 ? 'It works; see the warnings.' : 'All is well.'
  return `${lines.join('\n')}\n\n${verdict}\n`
}

/** Lines of one sentence; nobody has a terminal so narrow that it needs more. */
const MOST_LINES = 12

const hintLines = (hint: string | undefined, room: number, style: Style): string[] =>
  hint === undefined ? [] : wrapWidth(plainLine(hint), room, MOST_LINES).map((line) => style.dim(line))
