import { type Setting, SETTING_NAMES, SETTINGS } from '../../node/config-settings.ts'
import { configTree, HIDDEN, shownValue } from '../../node/config-tree.ts'
import type { configListFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { presentObject } from '../present.ts'
import { column, presentTable, type TableColumn, wideColumn } from '../present-table.ts'
import { loadSettings } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

interface Row {
  readonly Key: string
  readonly Value: unknown
  readonly Source: string
  readonly Description: string
  readonly text: string
}

/** Columns of a value where space is short: lists of addresses would push the rest out of sight. */
const SHORT_VALUE = 48

const COLUMNS: readonly TableColumn<Row>[] = [
  column('KEY', ({ Key }) => Key),
  column('VALUE', ({ text }, look) => look.text(text, SHORT_VALUE)),
  column('SOURCE', ({ Source }) => plainLine(Source)),
  wideColumn('DESCRIPTION', ({ Description }) => plainLine(Description)),
]

export async function run({ io, flags }: Invocation<typeof configListFlags>): Promise<number> {
  const { settings, origins, warnings } = await loadSettings(io, flags)
  for (const warning of warnings) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  if (flags.output === 'yaml') {
    await presentObject(io, flags, configTree(settings))
    return 0
  }
  const rows = SETTING_NAMES.map((name): Row => {
    const { key, kind, about, secret }: Setting<unknown> = SETTINGS[name]
    const value = settings[name]
    const text = value === undefined ? '' : secret === true ? HIDDEN : kind.show(value)
    return { Key: key, Value: shownValue(name, settings) ?? '', Source: origins[name], Description: about, text }
  })
  const shown = rows.map(({ text, ...row }) => (flags.output === 'json' ? row : { ...row, text }))
  await presentTable(io, flags, shown as readonly Row[], COLUMNS)
  return 0
}
