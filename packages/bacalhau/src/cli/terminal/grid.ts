import type { Style } from './style.ts'
import { displayWidth, fitWidth } from './width.ts'

export interface GridColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Left out where there is no room for all columns, those with the highest number first. One without a number stays. */
  readonly drop?: number
  /** Takes what room is left, and is cut where that is too little. At most one column, the last. */
  readonly rest?: true
}

export interface Cell {
  readonly text: string
  readonly paint?: (text: string) => string
}

const GAP = 2
/** Columns that what takes the rest should have before another column is left out for it. */
const LEAST_REST = 16

/** Rows as lines that are no wider than `columns`, under a header. Texts are to be plain lines without colours. */
export function formatGrid(
  layout: readonly GridColumn[],
  rows: readonly (readonly Cell[])[],
  columns: number,
  style: Style,
): string[] {
  const natural = layout.map(({ title }, index) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[index]?.text ?? ''))),
  )
  const shown = shownColumns(layout, natural, columns)
  const fixed = shown.reduce((sum, index) => sum + (layout[index]?.rest === true ? 0 : (natural[index] ?? 0)), 0)
  const room = Math.max(1, columns - fixed - GAP * (shown.length - 1))
  const widths = shown.map((index) =>
    layout[index]?.rest === true ? Math.min(room, natural[index] ?? 0) : (natural[index] ?? 0),
  )
  const line = (cells: readonly Cell[]) => {
    const parts = shown.map((index, place) =>
      pad(cells[index] ?? { text: '' }, widths[place] ?? 0, layout[index]?.align),
    )
    return parts.join(' '.repeat(GAP)).trimEnd()
  }
  const header = line(layout.map(({ title }) => ({ text: title, paint: style.dim })))
  return [header, ...rows.map(line)]
}

/** Indices of the columns that there is room for. */
function shownColumns(layout: readonly GridColumn[], natural: readonly number[], columns: number): number[] {
  let shown = layout.map((_, index) => index)
  for (;;) {
    const wanted = shown.map((index) =>
      layout[index]?.rest === true ? Math.min(LEAST_REST, natural[index] ?? 0) : (natural[index] ?? 0),
    )
    const total = wanted.reduce((sum, width) => sum + width, GAP * (shown.length - 1))
    const [first] = shown
      .filter((index) => layout[index]?.drop !== undefined)
      .toSorted((a, b) => dropOf(layout, b) - dropOf(layout, a))
    if (total <= columns || first === undefined) return shown
    shown = shown.filter((index) => index !== first)
  }
}

const dropOf = (layout: readonly GridColumn[], index: number) => layout[index]?.drop ?? 0

function pad({ text, paint = (same) => same }: Cell, width: number, align: GridColumn['align']): string {
  const fitted = fitWidth(text, width)
  const padding = ' '.repeat(Math.max(0, width - displayWidth(fitted)))
  if (fitted === '') return padding
  return align === 'right' ? padding + paint(fitted) : paint(fitted) + padding
}
