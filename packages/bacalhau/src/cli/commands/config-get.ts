import { noSuchKey, settingOf } from '../../node/config-keys.ts'
import { type Setting, SETTINGS } from '../../node/config-settings.ts'
import { HIDDEN, shownValue } from '../../node/config-tree.ts'
import type { configGetFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { loadSettings } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, io, flags }: Invocation<typeof configGetFlags>): Promise<number> {
  const [written = ''] = args
  const name = settingOf(written)
  if (name === undefined) throw await noSuchKey(written)
  const { settings, origins } = await loadSettings(io, flags)
  const { key, kind, secret }: Setting<unknown> = SETTINGS[name]
  const value = shownValue(name, settings)
  const answer = { Key: key, Value: value ?? '', Source: origins[name] }
  await present(io, flags, answer, () => {
    const text = value === undefined ? '' : secret === true ? HIDDEN : kind.show(settings[name])
    return `${plainLine(text)}\n`
  })
  return 0
}
