import { displayWidth } from './width.ts'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

const GAP = '  '

/** The same lines, each moved to the right by two columns; empty ones stay empty. */
export const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')

/** Aligned columns under a header, as lines that end in a line feed. Cells are to be plain lines, perhaps with colours. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], header = true): string {
  const lines = header ? [columns.map(({ title }) => title), ...rows] : rows
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => displayWidth(cells[index] ?? ''))))
  return lines.map((cells) => `${formatLine(columns, widths, cells)}\n`).join('')
}

function formatLine(columns: readonly Column[], widths: readonly number[], cells: readonly string[]): string {
  const padded = columns.map(({ align }, index) => {
    const cell = cells[index] ?? ''
    const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)))
    return align === 'right' ? padding + cell : cell + padding
  })
  return padded.join(GAP).trimEnd()
}

/** Names and their values, one a line, values aligned. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[], gap = GAP): string {
  const width = Math.max(0, ...fields.map(([name]) => displayWidth(name)))
  return fields.map(([name, value]) => `${name}${' '.repeat(width - displayWidth(name))}${gap}${value}\n`).join('')
}
