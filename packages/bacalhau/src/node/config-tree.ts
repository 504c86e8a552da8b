import { type Setting, SETTING_NAMES, type SettingName, type Settings, SETTINGS } from './config-settings.ts'
import { plainValue } from './config-value.ts'

/** What is shown in the place of a secret. */
export const HIDDEN = '********'

/** The value of a setting as it would stand in a file; undefined when there is none. Secrets are hidden. */
export function shownValue(name: SettingName, settings: Settings): unknown {
  const { kind, secret }: Setting<unknown> = SETTINGS[name]
  const value = settings[name]
  // What is switched off by being nothing has no words for it.
  if (value === false && kind.show(value) === '') return undefined
  if (value === undefined || secret !== true) return plainValue(name, value)
  return kind.plain?.(value, HIDDEN) ?? HIDDEN
}

interface Tree {
  [key: string]: unknown
}

/** All settings as they would stand in a file, groups nested, secrets hidden. */
export function configTree(settings: Settings): object {
  const tree: Tree = {}
  for (const name of SETTING_NAMES) {
    const value = shownValue(name, settings)
    if (value === undefined) continue
    const path = SETTINGS[name].key.split('.')
    let at = tree
    for (const group of path.slice(0, -1)) at = (at[group] ??= {}) as Tree
    at[path.at(-1) ?? ''] = value
  }
  return tree
}
