import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parse, stringify } from 'yaml'
import { BacalhauError, systemCode } from '../../runtime/error.ts'
import { formatDuration, parseDuration } from '../../runtime/duration.ts'
import { checkProfileName, type Profile, selectedProfile } from './profile.ts'

/** Bytes of a profile's file; a larger one is something else. */
const MAX_SIZE = 65_536

const fileOf = (folder: string, name: string) => path.join(folder, `${checkProfileName(name)}.yaml`)

/** The profile of a name. Throws `NotFound` when there is none, `ConfigurationError` when its file is broken. */
export async function readProfile(folder: string, name: string): Promise<Profile> {
  const file = fileOf(folder, name)
  const source = await readFile(file, 'utf8').catch(async (error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error
    const names = await listProfiles(folder)
    const hint =
      names.length === 0
        ? 'Save one: `bacalhau profile save <name> --endpoint <URL>`.'
        : `There are ${names.join(', ')}.`
    throw new BacalhauError('NotFound', `profile '${name}' not found`, { hint })
  })
  return parseProfile(source, file)
}

function parseProfile(source: string, file: string): Profile {
  const broken = (problem: string) =>
    new BacalhauError('ConfigurationError', `${file}: ${problem}`, { hint: 'Save the profile again.' })
  if (source.length > MAX_SIZE) throw broken(`is larger than ${MAX_SIZE} bytes`)
  let document: unknown
  try {
    document = parse(source, { maxAliasCount: 0 })
  } catch (error) {
    throw broken(error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'is no YAML')
  }
  const at = (...keys: readonly string[]) => keys.reduce<unknown>((value, key) => fieldOf(value, key), document)
  const endpoint = textOf(at('endpoint'))
  if (endpoint === undefined) throw broken('endpoint is missing')
  const written = textOf(at('timeout'))
  const timeout = written === undefined ? undefined : parseDuration(written)
  if (written !== undefined && timeout === undefined)
    throw broken(`timeout must be a time span like 30s, not ${written}`)
  return {
    endpoint,
    timeout,
    description: textOf(at('description')),
    token: textOf(at('auth', 'token')),
    insecure: at('tls', 'insecure') === true,
  }
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.entries(value).find(([name]) => name.toLowerCase() === key)?.[1]
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

/** Writes a profile, replacing one of the same name. Only the user may read it: it may hold a token. */
export async function writeProfile(folder: string, name: string, profile: Profile): Promise<void> {
  const { endpoint, description, timeout, token, insecure } = profile
  const document = {
    endpoint,
    ...(description === undefined ? {} : { description }),
    ...(timeout === undefined ? {} : { timeout: formatDuration(timeout) }),
    ...(token === undefined ? {} : { auth: { token } }),
    ...(insecure === true ? { tls: { insecure } } : {}),
  }
  const file = fileOf(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(`${file}.tmp`, stringify(document), { mode: 0o600 })
  await rename(`${file}.tmp`, file)
}

/** Names of the profiles, in order. */
export async function listProfiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => [])
  return entries.flatMap((entry) => /^(?!current\.)(.+)\.yaml$/.exec(entry)?.[1] ?? []).toSorted()
}

/** Makes a profile the one that commands use when they name none. */
export async function selectProfile(folder: string, name: string): Promise<void> {
  await readProfile(folder, name)
  const link = path.join(folder, 'current')
  // A link cannot be written over; a new one can take its place at once.
  await rm(`${link}.tmp`, { force: true })
  await symlink(`${name}.yaml`, `${link}.tmp`)
  await rename(`${link}.tmp`, link)
}

/** Deletes a profile; if it was the selected one, none is selected any more. */
export async function deleteProfile(folder: string, name: string): Promise<void> {
  await readProfile(folder, name)
  if ((await selectedProfile(folder)) === name) await rm(path.join(folder, 'current'))
  await rm(fileOf(folder, name))
}
