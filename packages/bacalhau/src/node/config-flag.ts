import { stat } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../runtime/error.ts'
import { foreignKeyText, isForeign, noSuchKey, settingOf } from './config-keys.ts'
import { type Setting, type SettingName, SETTINGS } from './config-settings.ts'
import { toggle } from './config-kinds.ts'

/** What the occurrences of `--config` say. */
export interface ConfigFlag {
  /** Absolute paths, the later ones stronger. */
  readonly files: readonly string[]
  readonly values: ReadonlyMap<SettingName, string>
  /** What was set aside, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Reads `--config`, each a file that ends in `.yaml` or `.yml`, `KEY=VALUE`, or the bare key of something that is true or
 * false, which makes it true. Throws `ConfigurationError` for what is none of these.
 */
export async function readConfigFlag(texts: readonly string[], cwd: string): Promise<ConfigFlag> {
  const files: string[] = []
  const values = new Map<SettingName, string>()
  const warnings: string[] = []
  for (const text of texts) {
    const [, key = text, value] = /^([^=]*)=(.*)$/s.exec(text) ?? []
    const name = settingOf(key)
    if (value === undefined && /\.ya?ml$/i.test(text)) files.push(await mustExist(text, cwd))
    else if (name !== undefined) values.set(name, value ?? bareValue(name))
    else if (isForeign(key)) warnings.push(`--config: ${foreignKeyText(key)}`)
    else throw await noSuchKey(key)
  }
  return { files, values, warnings }
}

async function mustExist(text: string, cwd: string): Promise<string> {
  const file = path.resolve(cwd, text)
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() === true) return file
  throw new BacalhauError('ConfigurationError', `specified configuration file doesn't exist: ${text}`, {
    hint: 'Name a YAML file, or write KEY=VALUE.',
  })
}

function bareValue(name: SettingName): string {
  const { key, kind }: Setting<unknown> = SETTINGS[name]
  if (kind === toggle) return 'true'
  throw new BacalhauError('ConfigurationError', `${key}: config flag key requires a value`, {
    hint: `Write it as --config ${key}=VALUE; it must be ${kind.expects}.`,
  })
}
