import { bytes, cores, devices, size } from './config-kinds.ts'
import { type Setting, type SettingName, SETTINGS } from './config-settings.ts'

/** Kinds whose values are written in words of their own, such as `80%`. */
const IN_WORDS: readonly unknown[] = [cores, bytes, devices]

/** A value of a setting in the types of YAML. */
export function plainValue(name: SettingName, value: unknown): unknown {
  const { kind }: Setting<unknown> = SETTINGS[name]
  if (value === undefined) return undefined
  return IN_WORDS.includes(kind) ? kind.show(value) : (kind.plain?.(value) ?? value)
}

/** What stands in the file for a value as it was typed: units stay as they were written. */
export function readConfigValue(name: SettingName, text: string): unknown {
  const { kind }: Setting<unknown> = SETTINGS[name]
  return kind === size || IN_WORDS.includes(kind) ? text : plainValue(name, kind.read(text))
}
