import type { LogLevel } from '../runtime/logger.ts'
import { choice, text } from './config-kinds.ts'
import { API_SETTINGS } from './settings/api.ts'
import { DATA_SETTINGS } from './settings/data.ts'
import { ENGINES_SETTINGS } from './settings/engines.ts'
import { type Setting, setting } from './settings/setting.ts'
import { SWARM_SETTINGS } from './settings/swarm.ts'
import { WORK_SETTINGS } from './settings/work.ts'

export type { Setting }

/** Spelt out here so that reading the configuration does not load the logger. */
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]

/** Every setting of a node. The one place that flags, variables, the file, `config list` and the types are made from. */
export const SETTINGS = {
  dataDir: setting({
    key: 'DataDir',
    kind: text,
    fallback: '~/.bacalhau',
    env: ['BACALHAU_PATH', 'BACALHAU_DIR'],
    about: 'Folder of keys, configuration and data. Cannot be set in the file, which lies in it.',
  }),
  ...API_SETTINGS,
  ...WORK_SETTINGS,
  ...SWARM_SETTINGS,
  ...DATA_SETTINGS,
  ...ENGINES_SETTINGS,
  logLevel: setting<LogLevel>({
    key: 'Logging.Level',
    kind: choice(LEVELS),
    fallback: 'warn',
    env: ['LOG_LEVEL'],
    about: 'How much to log, as JSON lines on standard error.',
  }),
} as const

export type SettingName = keyof typeof SETTINGS
/** The value of every setting. */
export type Settings = {
  readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never
}

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** The variables that set a setting, the strongest first. */
export function variablesOf(name: SettingName): readonly string[] {
  const { key, env = [] }: Setting<unknown> = SETTINGS[name]
  return [`BACALHAU_${key.toUpperCase().replaceAll('.', '_')}`, ...env]
}
