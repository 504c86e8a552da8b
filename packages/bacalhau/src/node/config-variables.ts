import { foreignKeyText, foreignOfVariable } from './config-keys.ts'
import { SETTING_NAMES, variablesOf } from './config-settings.ts'

const PREFIX = 'BACALHAU_'

/** Variables of the command line that are no settings. */
const OTHERS = ['BACALHAU_API_KEY', 'BACALHAU_API_USERNAME', 'BACALHAU_API_PASSWORD', 'BACALHAU_PROFILE']
/** Those that a job finds, which may run this program itself, and those of the tests. */
const OF_JOBS = /^BACALHAU_(?:EXECUTION_ID|JOB_|PARTITION_|PORT_|HOST_PORT_|TEST_)/

/** What to tell about variables that look like settings and are none: nobody else would notice a slip. */
export async function variableWarnings(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const named = Object.keys(env).filter((name) => name.startsWith(PREFIX) && (env[name] ?? '') !== '')
  if (named.length === 0) return []
  const known = [...SETTING_NAMES.flatMap(variablesOf).filter((name) => name.startsWith(PREFIX)), ...OTHERS]
  const unknown = named.filter((name) => !known.includes(name) && !OF_JOBS.test(name))
  return Promise.all(unknown.toSorted().map((name) => warning(name, known)))
}

async function warning(name: string, known: readonly string[]): Promise<string> {
  const foreign = foreignOfVariable(name)
  if (foreign !== undefined) return `${name}: ${foreignKeyText(foreign)}`
  const { nearest } = await import('@bacalhau/models/nearest')
  const own = (variable: string) => variable.slice(PREFIX.length)
  const guess = nearest(own(name), known.map(own))
  return `${name} is no setting and has no effect${guess === undefined ? '' : `; did you mean ${PREFIX}${guess}?`}`
}
