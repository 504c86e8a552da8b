import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { ensureDataFolder } from '../../network/data-folder.ts'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { loginsFile } from './credential.ts'

/** The file of the Go program: URL of an API to the credential that it gave. */
const fileSchema = z.record(z.string(), z.looseObject({ Scheme: z.string(), Value: z.string() }))
type Logins = z.infer<typeof fileSchema>

/** The token that a login at `baseUrl` gave, if there was one. */
export async function readLogin(folder: string, baseUrl: string): Promise<string | undefined> {
  const login = (await readLogins(folder))[baseUrl]
  return login?.Scheme === 'Bearer' ? login.Value : undefined
}

/** Keeps the token of a login at `baseUrl`. */
export async function keepLogin(folder: string, baseUrl: string, token: string): Promise<void> {
  const login = { Scheme: 'Bearer', Value: token, Params: null }
  await writeLogins(folder, { ...(await readLogins(folder)), [baseUrl]: login })
}

/** Forgets the login at `baseUrl`. Was there one? */
export async function forgetLogin(folder: string, baseUrl: string): Promise<boolean> {
  const { [baseUrl]: old, ...others } = await readLogins(folder)
  if (old !== undefined) await writeLogins(folder, others)
  return old !== undefined
}

async function writeLogins(folder: string, logins: Logins): Promise<void> {
  await ensureDataFolder(folder)
  // Never half a file, and for its owner only.
  const temporary = `${loginsFile(folder)}.${process.pid}`
  await writeFile(temporary, `${JSON.stringify(logins, undefined, 2)}\n`, { mode: 0o600 })
  await rename(temporary, loginsFile(folder))
}

async function readLogins(folder: string): Promise<Logins> {
  const file = loginsFile(folder)
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return {}
    throw new BacalhauError(
      'ConfigurationError',
      `${file} cannot be used: ${messageOf(error).split('\n', 1)[0] ?? ''}`,
      {
        hint: 'Move it away; `bacalhau auth login` makes a new one.',
      },
    )
  }
}
