import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { ensureDataFolder } from '../../network/data-folder.ts'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'

/** The file of the Go program: URL of an API to the credential that it gave. */
const fileSchema = z.record(z.string(), z.looseObject({ Scheme: z.string(), Value: z.string() }))
type Logins = z.infer<typeof fileSchema>

const fileOf = (folder: string): string => path.join(folder, 'tokens.json')

/** The token that a login at `baseUrl` gave, if there was one. */
export async function readLogin(folder: string, baseUrl: string): Promise<string | undefined> {
  const login = (await readLogins(folder))[baseUrl]
  return login?.Scheme === 'Bearer' ? login.Value : undefined
}

/** Keeps the token of a login at `baseUrl`; undefined forgets it. */
export async function keepLogin(folder: string, baseUrl: string, token: string | undefined): Promise<void> {
  const { [baseUrl]: _old, ...others } = await readLogins(folder)
  const logins =
    token === undefined ? others : { ...others, [baseUrl]: { Scheme: 'Bearer', Value: token, Params: null } }
  await ensureDataFolder(folder)
  // Never half a file, and for its owner only.
  const temporary = `${fileOf(folder)}.${process.pid}`
  await writeFile(temporary, `${JSON.stringify(logins, undefined, 2)}\n`, { mode: 0o600 })
  await rename(temporary, fileOf(folder))
}

async function readLogins(folder: string): Promise<Logins> {
  const file = fileOf(folder)
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
