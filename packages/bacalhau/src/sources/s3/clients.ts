import { access, readFile } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import path from 'node:path'
import { callbackify } from 'node:util'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { BacalhauError } from '../../runtime/error.ts'
import type { Outbound } from '../outbound/outbound.ts'

/** The SDK of Amazon, which is loaded at its first use only: it takes longer than the rest of a command. */
export const loadSdk = () => import('@aws-sdk/client-s3')

/** Where a bucket is. Without an endpoint it is at Amazon, without a region in the one that the operator has set. */
export interface S3Site {
  readonly Endpoint?: string | undefined
  readonly Region?: string | undefined
}

/** Clients of S3 with the credentials of the operator, one for each site. */
export interface S3Clients {
  /** Are there credentials? */
  available(): Promise<boolean>
  /** Throws `InputFailed` for an endpoint that jobs may not reach. */
  clientFor(site: S3Site): Promise<S3Client>
  stop(): Promise<void>
}

export interface S3Options {
  readonly outbound: Outbound
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly retries: number
  /** Milliseconds in which a server has to begin its answer. */
  readonly silence: number
}

/** Clients that are kept; their sites are named by jobs. */
const KEPT = 32
const CONNECT = 10_000
const SOCKETS = 16

export function createS3Clients(options: S3Options): S3Clients {
  const clients = new Map<string, S3Client>()
  let known: Promise<boolean> | undefined

  async function create(site: S3Site): Promise<S3Client> {
    const { S3Client } = await loadSdk()
    return new S3Client(configOf(site, options))
  }

  /** The chain of the SDK asks files, commands, or services; its answer is kept while it is a good one. */
  async function hasCredentials(): Promise<boolean> {
    if (!(await mayHaveCredentials(options))) return false
    const { S3Client } = await loadSdk()
    const client = new S3Client({ region: 'us-east-1' })
    return client.config.credentials().then(
      () => true,
      () => false,
    )
  }

  return {
    async available() {
      known ??= hasCredentials()
      const answer = await known
      if (!answer) known = undefined
      return answer
    },
    async clientFor(site) {
      const endpoint = endpointOf(site)
      if (endpoint !== undefined) await options.outbound.addressesOf(endpoint.hostname)
      const key = JSON.stringify([endpoint?.href, site.Region])
      const client = clients.get(key) ?? (await create(site))
      clients.delete(key)
      clients.set(key, client)
      const [oldest] = clients.keys()
      // What still uses it holds it; its connections end when they are idle.
      if (clients.size > KEPT && oldest !== undefined) clients.delete(oldest)
      return client
    },
    async stop() {
      for (const client of clients.values()) client.destroy()
      clients.clear()
    },
  }
}

/** The URL of an endpoint, which may leave out `https://`. Throws `ValidationError`. */
export function endpointOf({ Endpoint }: S3Site): URL | undefined {
  if (Endpoint === undefined || Endpoint === '') return undefined
  const text = Endpoint.includes('://') ? Endpoint : `https://${Endpoint}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.username === '') return url
  throw new BacalhauError('ValidationError', `"${Endpoint.slice(0, 300)}" is not the endpoint of an S3 service`, {
    hint: 'An endpoint looks like https://s3.example.com.',
  })
}

function configOf(site: S3Site, { env, outbound, retries, silence }: S3Options): S3ClientConfig {
  const endpoint = endpointOf(site)
  const configured =
    env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? (endpoint === undefined ? undefined : 'us-east-1')
  const region = site.Region === undefined || site.Region === '' ? configured : site.Region
  const lookup = guarded(outbound)
  const sockets = { keepAlive: true, maxSockets: SOCKETS, lookup }
  return {
    ...(region === undefined ? {} : { region }),
    // Path-style, as services other than Amazon's expect it.
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href, forcePathStyle: true }),
    maxAttempts: retries + 1,
    requestHandler: {
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent(sockets),
      connectionTimeout: CONNECT,
      requestTimeout: silence,
    },
    // Checksums of the SDK's own choice confuse services other than Amazon's, and cannot be had for a part of an object.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  }
}

/** Looks names up by the rules for what jobs may reach. Addresses that are written as such were checked before. */
function guarded(outbound: Outbound): LookupFunction {
  const resolve = callbackify((name: string) => outbound.addressesOf(name))
  return (name, { all }, done) =>
    resolve(name, (error, addresses) => {
      const [first] = addresses ?? []
      if (first === undefined) done(error, '')
      else if (all === true) done(null, [...addresses])
      else done(null, first.address, first.family)
    })
}

const VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]
const VENDOR = '/sys/devices/virtual/dmi/id/sys_vendor'

/** Could the chain find any? Without a sign of it nobody is asked: elsewhere than at Amazon its last step waits for nothing. */
async function mayHaveCredentials({ env, home }: S3Options): Promise<boolean> {
  if (VARIABLES.some((name) => (env[name] ?? '') !== '')) return true
  for (const file of [
    env['AWS_SHARED_CREDENTIALS_FILE'] ?? path.join(home, '.aws/credentials'),
    env['AWS_CONFIG_FILE'] ?? path.join(home, '.aws/config'),
  ]) {
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return true
  }
  return (await readFile(VENDOR, 'utf8').catch(() => '')).includes('Amazon EC2')
}
