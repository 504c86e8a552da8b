import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { systemCode } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'

export interface CredentialSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
}

/** Finds what to show a registry, as the engine wants it in `X-Registry-Auth`; undefined where nothing is known. */
export type Credentials = (registry: string) => Promise<string | undefined>

const configSchema = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
})
const helpedSchema = z.object({ Username: z.string(), Secret: z.string() })

/** The name under which Docker keeps what belongs to its own registry. */
const DEFAULT_KEY = 'https://index.docker.io/v1/'
/** What a helper calls the user when its secret is a token. */
const TOKEN_USER = '<token>'

/**
 * Credentials of the node's own user, each shown only to the registry that it belongs to: DOCKER_USERNAME and DOCKER_PASSWORD
 * for docker.io, then the file that `docker login` writes, with its helper programs. Read anew each time, since logins expire.
 */
export function dockerCredentials({ env, home }: CredentialSources): Credentials {
  const file = path.join(env['DOCKER_CONFIG'] || path.join(home, '.docker'), 'config.json')
  return async (registry) => {
    const { DOCKER_USERNAME: username, DOCKER_PASSWORD: password } = env
    if (registry === 'docker.io' && username && password) return encode({ username, password }, DEFAULT_KEY)
    const config = await readConfig(file)
    const keys =
      registry === 'docker.io' ? [DEFAULT_KEY, 'index.docker.io', registry] : [registry, `https://${registry}`]
    for (const key of keys) {
      const helper = config.credHelpers?.[key] ?? config.credsStore
      const helped = helper === undefined ? undefined : await askHelper(helper, key)
      const found = helped ?? fromFile(config.auths?.[key])
      if (found !== undefined) return encode(found, key)
    }
    return undefined
  }
}

type Secret = { readonly username: string; readonly password: string } | { readonly identitytoken: string }

/** Base64 for URLs, padded: without its padding engines pass over it without a word. */
const encode = (secret: Secret, serveraddress: string): string =>
  Buffer.from(JSON.stringify({ ...secret, serveraddress }))
    .toString('base64')
    .replaceAll('+', '-')
    .replaceAll('/', '_')

async function readConfig(file: string): Promise<z.infer<typeof configSchema>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return '{}'
    throw error
  })
  return configSchema.parse(JSON.parse(text))
}

function fromFile(
  entry: { readonly auth?: string | undefined; readonly identitytoken?: string | undefined } = {},
): Secret | undefined {
  if (entry.identitytoken) return { identitytoken: entry.identitytoken }
  const [, username, password] = /^([^:]+):(.*)$/s.exec(Buffer.from(entry.auth ?? '', 'base64').toString()) ?? []
  return username === undefined || password === undefined ? undefined : { username, password }
}

/** https://github.com/docker/docker-credential-helpers: the key on standard input, JSON on standard output. */
async function askHelper(name: string, key: string): Promise<Secret | undefined> {
  if (!/^[\w-]{1,64}$/.test(name)) return undefined
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const options = { timeout: LIMITS.enginePing, maxBuffer: 65_536 }
  const child = execFile(`docker-credential-${name}`, ['get'], options, (error, out) =>
    resolve(error ? undefined : out),
  )
  child.stdin?.on('error', () => undefined).end(key)
  const parsed = helpedSchema.safeParse(parse((await promise) ?? ''))
  if (!parsed.success) return undefined
  const { Username: username, Secret: password } = parsed.data
  return username === TOKEN_USER ? { identitytoken: password } : { username, password }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
