import { createReadStream } from 'node:fs'
import { lstat, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import type { SpecConfig } from '@bacalhau/models'
import { unpack } from '../../content/unpack.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { systemRandom } from '../../runtime/random.ts'
import { createDiskRoom, freeBytesOf } from '../../sources/disk-room.ts'
import { openInputCache } from '../../sources/input-cache.ts'
import { createOutbound } from '../../sources/outbound/outbound.ts'
import { isWeb } from '../../sources/outbound/request.ts'
import { createS3Clients } from '../../sources/s3/clients.ts'
import { createS3Source } from '../../sources/s3/s3.ts'
import { download, knock } from '../../sources/url/download.ts'
import type { PublishedElsewhere } from './download.ts'
import { createMeter } from './meter.ts'
import type { TransferWorld } from './transfer-world.ts'

/** The user's own machine reaches what it likes. */
const outbound = createOutbound(['0.0.0.0/0', '::/0'])
const PATIENCE = { silence: 60_000, retries: 5, maxBytes: LIMITS.contentBytes, random: systemRandom }
const ARCHIVE = /\.(?:tar\.gz|tgz)$/

/**
 * Fetches what a publisher other than IPFS left to `target`, unpacked, or one file or folder of it. Nothing says what it has to
 * be, as a CID would. Throws `NotFound` when there is nothing at the path.
 */
export async function fetchPublished(
  { published, inner }: PublishedElsewhere,
  target: string,
  world: TransferWorld,
): Promise<void> {
  const whole = `${target}.whole`
  await rm(whole, { recursive: true, force: true })
  const url = urlOf(published)
  await (url === undefined ? fetchS3(published, whole, world) : fetchArchive(url, whole, world))
  const wanted = path.join(whole, ...inner.split('/').filter((name) => name !== '' && name !== '.' && name !== '..'))
  if ((await lstat(wanted).catch(() => undefined)) === undefined) {
    throw new BacalhauError('NotFound', `the results have no "${inner}"`)
  }
  await rm(target, { recursive: true, force: true })
  await rename(wanted, target)
  await rm(whole, { recursive: true, force: true })
}

function urlOf({ Type, Params }: SpecConfig): URL | undefined {
  const key = new Map([
    ['urldownload', 'URL'],
    ['s3presigned', 'PreSignedURL'],
  ]).get(Type.toLowerCase())
  if (key === undefined) return undefined
  const text = String(Params?.[key])
  if (URL.canParse(text) && isWeb(new URL(text))) return new URL(text)
  throw new BacalhauError('BadAnswer', `the results are not at a URL: ${JSON.stringify(Params?.[key])}`)
}

async function fetchArchive(url: URL, folder: string, { progress, clock, signal }: TransferWorld): Promise<void> {
  const packed = `${folder}.tar.gz`
  await rm(packed, { force: true })
  const fetching = { ...PATIENCE, outbound, clock }
  const attempt = await knock(url, fetching, signal)
  const meter = createMeter({ what: `fetching results from ${url.host}`, total: attempt.total, progress, clock })
  await meter.start(0)
  const room = createDiskRoom(() => freeBytesOf(path.dirname(folder)))
  const onBytes = (count: number) => meter.add(count)
  await download(url, attempt, packed, { ...fetching, onBytes, room }, signal)
  await unpackFile(packed, folder, signal)
}

async function unpackFile(packed: string, folder: string, signal: AbortSignal): Promise<void> {
  const limits = { maxBytes: LIMITS.contentBytes, maxFiles: LIMITS.contentFiles, signal }
  await unpack(createReadStream(packed), folder, limits)
  await rm(packed)
}

/** With the credentials of the user. */
async function fetchS3(
  published: SpecConfig,
  folder: string,
  { clock, signal, env = {} }: TransferWorld,
): Promise<void> {
  const clients = createS3Clients({ ...PATIENCE, outbound, env, home: homedir() })
  try {
    if (!(await clients.available())) {
      throw new BacalhauError('Forbidden', 'the results are in S3, and there are no credentials for it here', {
        hint: `Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fetch them yourself: ${JSON.stringify(published)}`,
      })
    }
    const place = `${folder}.s3`
    const room = createDiskRoom(() => freeBytesOf(path.dirname(folder)))
    const cache = await openInputCache(place)
    const source = createS3Source({ ...PATIENCE, clients, cache, room, clock })
    const { hostPath } = await source.prepare(published, place, signal)
    const key = String(published.Params?.['Key'])
    if (ARCHIVE.test(key)) await unpackFile(path.join(hostPath, path.posix.basename(key)), folder, signal)
    else await rename(hostPath, folder)
    await rm(place, { recursive: true, force: true })
  } finally {
    await clients.stop()
  }
}
