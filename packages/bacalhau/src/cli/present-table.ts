import { isForPrograms, present, type PrintFlags } from './present.ts'
import type { Io } from './io.ts'
import { plainLine } from './terminal/plain.ts'
import { type Style, styleFor } from './terminal/style.ts'
import { formatTable } from './terminal/table.ts'
import { formatAgo, formatMoment } from './terminal/time.ts'
import { fitWidth } from './terminal/width.ts'
import { shortId } from './job/short-id.ts'

/** How the cells of a table are to look. */
export interface Look {
  readonly style: Style
  /** An id, or its first characters where the reader is short of space. */
  id(id: string): string
  /** A text, or its beginning in so many columns. */
  text(text: string, columns: number): string
  /** A moment in milliseconds since the epoch: how long ago, or the time itself, in UTC. */
  time(moment: number): string
}

export interface TableColumn<T> {
  readonly title: string
  readonly cell: (row: T, look: Look) => string
  /** Shown with `--wide` only. */
  readonly wide?: true
}

export interface TableFlagValues extends PrintFlags {
  readonly 'hide-header': boolean
  readonly 'no-style': boolean
  readonly wide: boolean
}

/** A title and the cells below it. */
export const column = <T>(title: string, cell: TableColumn<T>['cell']): TableColumn<T> => ({ title, cell })
export const wideColumn = <T>(title: string, cell: TableColumn<T>['cell']): TableColumn<T> => ({
  title,
  cell,
  wide: true,
})

/** Prints records as `--output` asks: as a table or CSV, or all that is known of them as JSON or YAML. */
export async function presentTable<T>(
  io: Io,
  flags: TableFlagValues,
  rows: readonly T[],
  columns: readonly TableColumn<T>[],
  empty = '',
): Promise<void> {
  if (flags.output === 'csv') return io.out.write(csvText(rows, columns, flags))
  await present(io, flags, rows, () => {
    if (rows.length === 0 && empty !== '') return flags['hide-header'] ? '' : empty
    return tableText(rows, columns, flags, io)
  })
}

/** The table alone. */
export function tableText<T>(
  rows: readonly T[],
  columns: readonly TableColumn<T>[],
  flags: Omit<TableFlagValues, 'output' | 'pretty'>,
  io: Pick<Io, 'out' | 'env' | 'clock'>,
): string {
  const style = styleFor(io.out, io.env, flags['no-color'] || flags['no-style'])
  const look = flags.wide ? fullLook(style) : shortLook(style, io.clock.now())
  const shown = columns.filter(({ wide }) => flags.wide || wide === undefined)
  const cells = rows.map((row) => shown.map(({ cell }) => cell(row, look)))
  return formatTable(shown, cells, !flags['hide-header'])
}

const fullLook = (style: Style): Look => ({ style, id: plainLine, text: plainLine, time: formatMoment })

const shortLook = (style: Style, now: number): Look => ({
  style,
  id: (id) => plainLine(shortId(id)),
  text: (text, columns) => fitWidth(plainLine(text), columns),
  time: (moment) => formatAgo(moment, now),
})

const same = (text: string) => text
const UNSTYLED: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/** Comma separated values as RFC 4180 has them, but for plain line feeds. Nothing is shortened. */
export function csvText<T>(
  rows: readonly T[],
  columns: readonly TableColumn<T>[],
  { wide, 'hide-header': hideHeader }: TableFlagValues,
): string {
  const shown = columns.filter((column) => wide || column.wide === undefined)
  const lines = rows.map((row) => shown.map(({ cell }) => cell(row, fullLook(UNSTYLED))))
  const all = hideHeader ? lines : [shown.map(({ title }) => title), ...lines]
  return all.map((cells) => `${cells.map(csvField).join(',')}\n`).join('')
}

const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Says how to see the rest of a list, where a person reads it. */
export async function tellMore(io: Io, flags: Pick<PrintFlags, 'output'>, command: string): Promise<void> {
  if (!isForPrograms(flags)) await io.err.write(`To fetch more records use:\n\t${command}\n`)
}
