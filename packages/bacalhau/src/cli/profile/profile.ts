import { readlink } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../../runtime/error.ts'
import type { Io } from '../io.ts'

/** A node that commands call, as a person saved it under a name. */
export interface Profile {
  /** URL of the REST API. */
  readonly endpoint: string
  readonly description?: string | undefined
  /** Milliseconds that one answer may take. */
  readonly timeout?: number | undefined
  readonly token?: string | undefined
  /** Take any certificate. */
  readonly insecure?: boolean | undefined
}

/** Folder of profiles: a file `<name>.yaml` for each, and the link `current` to the selected one. */
export const profileFolder = (dataDir: string): string => path.join(dataDir, 'profiles')

const NAME = /^[\w][\w.-]{0,62}$/

/** A name becomes that of a file, so it must not lead anywhere else. */
export function checkProfileName(name: string): string {
  if (NAME.test(name) && !name.toLowerCase().endsWith('.yaml') && name !== 'current') return name
  throw new BacalhauError('InvalidFlag', `'${name}' cannot be the name of a profile`, {
    hint: 'Use up to 63 letters, digits, dots, dashes and underscores; `current` stands for the selected one.',
  })
}

/** Name of the selected profile; undefined when none is. Reads one link, and so costs every command next to nothing. */
export async function selectedProfile(folder: string): Promise<string | undefined> {
  const target = await readlink(path.join(folder, 'current')).catch(() => undefined)
  const name = target === undefined ? undefined : path.basename(target, '.yaml')
  return name !== undefined && NAME.test(name) ? name : undefined
}

/** The profile that this command is to use: named by the flag or the environment, else the selected one, if any. */
export async function activeProfile(
  { env }: Pick<Io, 'env'>,
  flags: { readonly profile?: string | undefined },
  dataDir: string,
): Promise<Profile | undefined> {
  const folder = profileFolder(dataDir)
  const named = flags.profile ?? (env['BACALHAU_PROFILE'] || undefined)
  const name = named ?? (await selectedProfile(folder))
  if (name === undefined) return undefined
  const { readProfile } = await import('./profile-file.ts')
  return readProfile(folder, name)
}
