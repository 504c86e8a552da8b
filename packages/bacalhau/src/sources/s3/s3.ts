import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { forEachParallel } from '../../content/parallel.ts'
import { BacalhauError, isBacalhauError, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { UNHEARD } from '../arrival.ts'
import type { DiskRoom } from '../disk-room.ts'
import type { InputCache } from '../input-cache.ts'
import { type InputSource, type Share, WHOLE } from '../source.ts'
import type { S3Clients } from './clients.ts'
import { s3Error } from './error.ts'
import { fetchObject, type Fetching } from './fetch-object.ts'
import { objectsOf, type S3Object, shown } from './objects.ts'
import { parseS3Params, type S3Params } from './params.ts'

export interface S3SourceOptions extends Fetching {
  readonly clients: S3Clients
  readonly cache: InputCache
  readonly room: DiskRoom
  readonly maxBytes: number
}

/** Objects of S3 and of services that speak like it. The job gets a folder, also for a single object. */
export function createS3Source(options: S3SourceOptions): InputSource {
  const { clients, cache } = options
  return {
    types: ['s3'],
    available: () => clients.available(),
    validate: (spec) => void parseS3Params(spec),
    async measure(spec, signal, share = WHOLE) {
      const { key, bytes } = await find(spec, share, options, signal)
      return { bytes, local: cache.bytesOf(key) !== undefined }
    },
    async prepare(spec, _folder, signal, share = WHOLE, arrival = UNHEARD) {
      const found = await find(spec, share, options, signal)
      arrival.expect(found.bytes)
      return cache.acquire(
        found.key,
        (target, signal, onBytes) => write(found, target, signal, { ...options, onBytes }),
        signal,
        (count) => arrival.came(count),
      )
    },
  }
}

async function find(spec: SpecConfig, share: Share, { clients, maxBytes }: S3SourceOptions, signal: AbortSignal) {
  signal.throwIfAborted()
  const params = parseS3Params(spec)
  const client = await clients.clientFor(params)
  const objects = await objectsOf(params, client, share, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    throw s3Error(error, 'InputFailed', `fetch s3 input ${shown(params)}`, 'ListObjectsV2')
  })
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0)
  if (bytes > maxBytes) {
    throw new BacalhauError('ContentTooLarge', `${shown(params)} has more than ${maxBytes} bytes`, {
      hint: 'The operator of the node sets the bound with InputSources.MaxSize.',
    })
  }
  return { params, client, objects, bytes, key: keyOf(params, objects) }
}

type Found = Awaited<ReturnType<typeof find>>

async function write(
  { params, client, objects, bytes }: Found,
  target: string,
  signal: AbortSignal,
  options: S3SourceOptions,
) {
  const release = await options.room.reserve(bytes)
  try {
    await mkdir(target, { mode: 0o755 })
    await forEachParallel(objects, LIMITS.inputObjectsAtOnce, (object) =>
      fetchObject(object, params, client, target, options, signal),
    )
    return { kind: 'folder', bytes } as const
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    signal.throwIfAborted()
    if (isBacalhauError(error) || systemCode(error) === 'ENOSPC') throw error
    throw s3Error(error, 'InputFailed', `fetch s3 input ${shown(params)}`, 'GetObject')
  } finally {
    release()
  }
}

/** A file name for exactly these objects, each in the version that was found. */
function keyOf({ Endpoint, Region, Bucket, ChecksumSHA256 }: S3Params, objects: readonly S3Object[]): string {
  return createHash('sha256')
    .update(JSON.stringify([Endpoint, Region, Bucket, ChecksumSHA256, objects]))
    .digest('hex')
}
