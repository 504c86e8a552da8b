import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { SpecConfig } from '@bacalhau/models'
import { z } from 'zod'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import type { Random } from '../../runtime/random.ts'
import { parseParams } from '../../sources/params.ts'
import { archiveOf } from '../archive.ts'
import type { Publisher, PublishRequest } from '../publisher.ts'
import { createArchiveServer } from './archive-server.ts'
import { placeOf } from './serve-archive.ts'

export interface LocalPublisherOptions {
  /** Where the archives are; nobody else's. */
  readonly folder: string
  /** Host of the URLs, which clients have to be able to reach. */
  readonly address: string
  readonly port: number
  /** Archives are removed after so many days. */
  readonly days: number
  readonly clock: Clock
  readonly random: Random
}

export interface LocalPublisher extends Publisher, Stoppable {
  /** The archive that this node serves at `url`, as a file; undefined when it is none of this node. */
  archiveAt(url: URL): string | undefined
}

const DAY = 24 * 60 * 60_000
const LOOK_EVERY = 60 * 60_000
const TOKEN_BYTES = 32

/**
 * Keeps results as archives on this node, which serves them by HTTP to whoever knows their URL. Each URL has a token of its
 * own, and nothing lists them.
 */
export async function createLocalPublisher(options: LocalPublisherOptions): Promise<LocalPublisher> {
  const { folder, address, clock } = options
  const server = createArchiveServer(options)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const sweep = async () => {
    await removeOld(options).catch(() => undefined)
    timer = clock.after(LOOK_EVERY, () => void sweep())
  }
  let timer = clock.after(LOOK_EVERY, () => void sweep())
  const host = isIPv6(address) ? `[${address}]` : address
  let origin: string | undefined
  const open = async () => (origin = `http://${host}:${await server.port()}`)
  // What was published before a restart is still promised.
  if ((await readdir(folder)).length > 0) await open().catch(() => undefined)
  return {
    type: 'local',
    available: async () => true,
    validate: (spec) => void check(spec),
    async publish(request, signal) {
      signal.throwIfAborted()
      check(request.spec)
      const here = await open()
      const place = await write(request, options, signal)
      return { Type: 'urlDownload', Params: { URL: `${here}/${place}` } }
    },
    archiveAt(url) {
      const place = placeOf(url.pathname)
      const own = origin !== undefined && url.origin === new URL(origin).origin
      return own && place !== undefined ? path.join(folder, place.token, place.name) : undefined
    },
    async stop() {
      timer.cancel()
      await server.stop()
    },
  }
}

const check = (spec: SpecConfig) => parseParams(z.strictObject({}), spec)

/** Writes the archive under another name first, so that nobody gets half of one. Resolves with its place below the folder. */
async function write(request: PublishRequest, { folder, random }: LocalPublisherOptions, signal: AbortSignal) {
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')
  const name = `${request.executionId}.tar.gz`
  const own = path.join(folder, token)
  try {
    await stat(request.folder)
    await mkdir(own, { mode: 0o700 })
    const partial = path.join(own, 'partial')
    await pipeline(
      archiveOf(request.folder, signal),
      createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }),
    )
    await rename(partial, path.join(own, name))
    return `${token}/${name}`
  } catch (cause) {
    await rm(own, { recursive: true, force: true })
    signal.throwIfAborted()
    if (['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '')) {
      throw new BacalhauError('DiskFull', 'the disk of the node is full', { cause })
    }
    throw new BacalhauError('PublishFailed', `the results could not be published: ${messageOf(cause)}`, { cause })
  }
}

async function removeOld({ folder, days, clock }: LocalPublisherOptions): Promise<void> {
  for (const name of await readdir(folder)) {
    const { mtimeMs } = await stat(path.join(folder, name))
    if (mtimeMs < clock.now() - days * DAY) await rm(path.join(folder, name), { recursive: true, force: true })
  }
}
