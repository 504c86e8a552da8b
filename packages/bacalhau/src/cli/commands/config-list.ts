import { type Setting, SETTING_NAMES, SETTINGS } from '../../node/config-settings.ts'
import type { configListFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { loadSettings } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatTable } from '../terminal/table.ts'

export async function run({ io, flags }: Invocation<typeof configListFlags>): Promise<number> {
  const { settings, origins } = await loadSettings(io, flags)
  const rows = SETTING_NAMES.map((name) => {
    const { key, kind, about, secret }: Setting<unknown> = SETTINGS[name]
    const value = settings[name]
    const shown = value === undefined ? '' : secret === true ? '********' : kind.show(value)
    return { Key: key, Value: shown, Source: origins[name], Description: about }
  })
  await present(io, flags, rows, () =>
    formatTable(
      [{ title: 'KEY' }, { title: 'SOURCE' }, { title: 'VALUE' }],
      rows.map(({ Key, Value, Source }) => [Key, plainLine(Source), plainLine(Value)]),
    ),
  )
  return 0
}
