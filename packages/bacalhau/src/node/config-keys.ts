import { BacalhauError } from '../runtime/error.ts'
import { SETTING_NAMES, type SettingName, SETTINGS } from './config-settings.ts'

const BY_KEY: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.map((name) => [SETTINGS[name].key.toLowerCase(), name]),
)

/** The setting of a key, in any letter case. */
export const settingOf = (key: string): SettingName | undefined => BY_KEY.get(key.toLowerCase())

const below = (key: string, group: string) => key.startsWith(`${group.toLowerCase()}.`)

/** Do keys begin with this one and a dot? */
export const isGroup = (path: string): boolean => [...BY_KEY.keys()].some((key) => below(key, path)) || isForeign(path)

/**
 * Keys of the Go program that mean nothing here, with the setting to use instead where there is one. A file of that program
 * is to be of use, so they are set aside instead of refused. A key stands for everything below it as well.
 */
const FOREIGN: Readonly<Record<string, SettingName | ''>> = {
  'API.TLS.AutoCertCachePath': '',
  DisableAnalytics: '',
  NameProvider: '',
  StrictVersionMatch: '',
  'Orchestrator.Host': 'swarmHost',
  'Orchestrator.Port': 'swarmPort',
  'Orchestrator.Advertise': '',
  'Orchestrator.Auth': 'joinToken',
  'Orchestrator.SupportReverseProxy': '',
  'Orchestrator.Cluster': '',
  'Orchestrator.TLS': '',
  'Orchestrator.NodeManager': 'nodeApproval',
  'Orchestrator.Scheduler': '',
  'Orchestrator.EvaluationBroker': '',
  'Compute.Orchestrators': 'peers',
  'Compute.Auth': 'joinToken',
  'Compute.Heartbeat': '',
  'Compute.Network': '',
  'Compute.TLS': '',
  'Engines.Types': 'dockerHost',
  InputSources: '',
  Publishers: '',
  ResultDownloaders: '',
  JobDefaults: '',
  'Logging.Mode': '',
  'Logging.LogDebugInfoInterval': '',
  UpdateConfig: '',
  WebUI: '',
}

const foreignKey = (key: string) =>
  Object.keys(FOREIGN).find(
    (foreign) => foreign.toLowerCase() === key.toLowerCase() || below(key.toLowerCase(), foreign),
  )

/** The variable of a key. */
const variableOf = (key: string): string => `BACALHAU_${key.toUpperCase().replaceAll('.', '_')}`

/** The key of the Go program without effect here that such a variable would set, itself or one below it. */
export const foreignOfVariable = (variable: string): string | undefined =>
  Object.keys(FOREIGN).find((key) => variable === variableOf(key) || variable.startsWith(`${variableOf(key)}_`))

/** Is this a key of the Go program that has no effect here? */
export const isForeign = (key: string): boolean => foreignKey(key) !== undefined

/** What to tell the user who sets such a key. */
export function foreignKeyText(key: string): string {
  const instead = FOREIGN[foreignKey(key) ?? ''] ?? ''
  return `${key} has no effect here${instead === '' ? '' : `; see ${SETTINGS[instead].key}`}`
}

/** What was probably meant by a key that does not exist. */
export async function unknownKeyHint(key: string): Promise<string> {
  const { nearest } = await import('@bacalhau/models/nearest')
  const keys = SETTING_NAMES.map((name) => SETTINGS[name].key)
  const guess = nearest(key, [...keys, ...keys.map((key) => key.split('.').slice(0, -1).join('.'))])
  return guess === undefined ? 'Run `bacalhau config list` for the keys.' : `Did you mean ${guess}?`
}

/** The error for a key of the command line that does not exist. */
export async function noSuchKey(key: string): Promise<BacalhauError> {
  const text = "no matching config key. Run 'bacalhau config list' for a list of valid keys"
  return new BacalhauError('ConfigurationError', `${key}: ${text}`, { hint: await unknownKeyHint(key) })
}
