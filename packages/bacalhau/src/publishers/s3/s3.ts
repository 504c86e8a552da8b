import { constants, type Dirent } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { PutObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import { forEachParallel } from '../../content/parallel.ts'
import { measure } from '../../content/pack-folder.ts'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { S3Clients } from '../../sources/s3/clients.ts'
import { s3Error } from '../../sources/s3/error.ts'
import { archiveOf } from '../archive.ts'
import type { Publisher } from '../publisher.ts'
import { fillKey, parseS3Target, type S3Target } from './params.ts'

export interface S3PublisherOptions {
  readonly clients: S3Clients
  readonly clock: Pick<Clock, 'now'>
  readonly nodeId: string
}

/** Puts results into a bucket of S3, or of a service that speaks like it: one archive, or each file as an object. */
export function createS3Publisher({ clients, clock, nodeId }: S3PublisherOptions): Publisher {
  return {
    type: 's3',
    available: () => clients.available(),
    validate: (spec) => void parseS3Target(spec),
    async publish({ folder, jobId, executionId, spec }, signal) {
      signal.throwIfAborted()
      const target = parseS3Target(spec)
      const { Bucket, Region, Endpoint, encoding } = target
      const filled = fillKey(target.Key, { nodeId, jobId, executionId, now: clock.now() })
      const Key = encoding === 'gzip' ? withEnd(filled, '.tar.gz') : withEnd(filled, '/')
      try {
        const client = await clients.clientFor(target)
        const put = encoding === 'gzip' ? putArchive : putFiles
        const { ChecksumSHA256, VersionId } = await put(folder, { ...target, Key }, client, signal)
        const Params = { Bucket, Key, Endpoint, Region, ChecksumSHA256, VersionID: VersionId }
        return {
          Type: 's3',
          Params: Object.fromEntries(Object.entries(Params).filter(([, value]) => value !== undefined)),
        }
      } catch (error) {
        signal.throwIfAborted()
        throw s3Error(error, 'PublishFailed', `publish s3 result s3://${Bucket}/${Key}`, 'PutObject')
      }
    },
  }
}

const withEnd = (key: string, end: string): string => (key.endsWith(end) ? key : key + end)

type Put = Partial<Pick<PutObjectCommandOutput, 'ChecksumSHA256' | 'VersionId'>>

/** The most parts that one object may be sent in, with some to spare, and the least that a part may have in bytes. */
const PARTS = 9_000
const LEAST_PART = 8 * 1024 * 1024

async function putArchive(folder: string, target: S3Target, client: S3Client, signal: AbortSignal): Promise<Put> {
  // Now rather than with an archive that is cut off.
  await stat(folder)
  return upload(archiveOf(folder, signal), await measure(folder), target, client, signal)
}

async function putFiles(folder: string, target: S3Target, client: S3Client, signal: AbortSignal): Promise<Put> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry: Dirent) => entry.isFile())
  await forEachParallel(files, LIMITS.inputObjectsAtOnce, async ({ parentPath, name }) => {
    const file = path.join(parentPath, name)
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { size } = await handle.stat()
      const key = `${target.Key}${path.relative(folder, file).split(path.sep).join('/')}`
      const body = handle.createReadStream({ autoClose: false })
      await upload(body, size, { ...target, Key: key }, client, signal)
    } finally {
      await handle.close()
    }
  })
  return {}
}

/** In parts if it is long, a few of which are in memory at the same time. `bytes`: about how long it is. */
async function upload(
  body: Readable,
  bytes: number,
  { Bucket, Key, Endpoint }: S3Target,
  client: S3Client,
  signal: AbortSignal,
): Promise<Put> {
  const { Upload } = await import('@aws-sdk/lib-storage')
  // Only Amazon is sure to know these checksums.
  const checksum = Endpoint === undefined ? { ChecksumAlgorithm: 'SHA256' as const } : {}
  const sending = new Upload({
    client,
    params: { Bucket, Key, Body: body, ...checksum },
    queueSize: 4,
    partSize: Math.max(LEAST_PART, Math.ceil(bytes / PARTS)),
  })
  const onAbort = () => void sending.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await sending.done()
  } finally {
    signal.removeEventListener('abort', onAbort)
    body.destroy()
  }
}
