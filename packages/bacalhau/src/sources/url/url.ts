import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { UNHEARD } from '../arrival.ts'
import type { DiskRoom } from '../disk-room.ts'
import type { InputCache } from '../input-cache.ts'
import { isWeb } from '../outbound/request.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'
import type { Attempt, Fetching } from './attempt.ts'
import { download, knock } from './download.ts'

const paramsSchema = z.strictObject({ URL: z.string().min(1).max(8_192) })

export interface UrlSourceOptions extends Fetching {
  readonly cache: InputCache
  readonly room: DiskRoom
}

/**
 * A file that a web server gives. It lies under its name in a folder, which is what the job gets: at the target `/inputs` it is
 * `/inputs/<name>`. A file of which the server says what version it is is kept for the next job; others are fetched each time.
 */
export function createUrlSource(options: UrlSourceOptions): InputSource {
  const { cache } = options

  return {
    types: ['urldownload'],
    available: async () => true,
    validate: (spec) => void urlOf(spec),
    async measure(spec, signal) {
      const url = urlOf(spec)
      const attempt = await knock(url, options, signal)
      attempt.end()
      const key = keyOf(url, attempt)
      const cached = key === undefined ? undefined : cache.bytesOf(key)
      return { bytes: cached ?? attempt.total ?? 0, local: cached !== undefined }
    },
    async prepare(spec, folder, signal, _share, arrival = UNHEARD) {
      const url = urlOf(spec)
      const attempt = await knock(url, options, signal)
      const came = (count: number) => arrival.came(count)
      try {
        if (attempt.total !== undefined) arrival.expect(attempt.total)
        const key = keyOf(url, attempt)
        if (key !== undefined) {
          return await cache.acquire(
            key,
            (target, signal, onBytes) => write(url, attempt, target, signal, { ...options, onBytes }),
            signal,
            came,
          )
        }
        const hostPath = path.join(folder, 'url')
        const { kind, bytes } = await write(url, attempt, hostPath, signal, { ...options, onBytes: came })
        arrival.expect(bytes)
        return { hostPath, kind, release: () => rm(hostPath, { recursive: true, force: true }) }
      } finally {
        attempt.end()
      }
    },
  }
}

async function write(
  url: URL,
  attempt: Attempt,
  target: string,
  signal: AbortSignal,
  { room, ...fetching }: UrlSourceOptions,
) {
  const release = await room.reserve(attempt.total ?? 0)
  try {
    await mkdir(target, { mode: 0o755 })
    const bytes = await download(url, attempt, path.join(target, attempt.name), { ...fetching, room }, signal)
    return { kind: 'folder', bytes } as const
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    throw error
  } finally {
    release()
  }
}

function urlOf(spec: SpecConfig): URL {
  const { URL: text } = parseParams(paramsSchema, spec)
  if (!URL.canParse(text)) throw new BacalhauError('ValidationError', `"${text.slice(0, 300)}" is not a URL`)
  const url = new URL(text)
  if (!isWeb(url)) {
    const scheme = url.protocol.slice(0, -1)
    const problem = `URLs must begin with 'http' or 'https'. The submitted one began with '${scheme}'`
    throw new BacalhauError('ValidationError', problem)
  }
  if (url.pathname === '/' && url.search === '')
    throw new BacalhauError('ValidationError', 'URL must end with a file name')
  url.hash = ''
  return url
}

/** A file name for this version of the file; undefined where the server does not say which it is. */
function keyOf(url: URL, { name, total, validator }: Attempt): string | undefined {
  if (validator === undefined) return undefined
  return createHash('sha256')
    .update(JSON.stringify([url.href, name, total, validator]))
    .digest('hex')
}
