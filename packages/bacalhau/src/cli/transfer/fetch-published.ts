import { createReadStream } from 'node:fs'
import { lstat, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import type { SpecConfig } from '@bacalhau/models'
import { unpackPart } from '../../content/unpack-part.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { systemRandom } from '../../runtime/random.ts'
import { createDiskRoom, freeBytesOf } from '../../sources/disk-room.ts'
import { openInputCache } from '../../sources/input-cache.ts'
import { isWeb } from '../../sources/outbound/request.ts'
import { assertChecksum } from '../../sources/s3/checksum.ts'
import { createS3Clients, type S3Clients } from '../../sources/s3/clients.ts'
import { createS3Source } from '../../sources/s3/s3.ts'
import { type S3Place, signGet } from '../../sources/s3/sign.ts'
import type { Attempt } from '../../sources/url/attempt.ts'
import { download, knock, type Rest } from '../../sources/url/download.ts'
import type { PublishedElsewhere } from './download.ts'
import { createMeter } from './meter.ts'
import { createResultOutbound } from './result-outbound.ts'
import type { TransferWorld } from './transfer-world.ts'

const PATIENCE = { silence: 60_000, retries: 5, maxBytes: LIMITS.contentBytes, random: systemRandom }
const ARCHIVE = /\.(?:tar\.gz|tgz)$/

/**
 * Fetches what a publisher other than IPFS left to `target`, unpacked, or one file or folder of it. An archive goes on from what
 * an earlier call has fetched of it, as long as it is the same one, and is checked where its publisher has said how. Throws
 * `NotFound` when there is nothing at the path, `ContentInvalid` for what is not what was published.
 */
export async function fetchPublished(
  { published, inner }: PublishedElsewhere,
  target: string,
  world: TransferWorld,
): Promise<void> {
  // It is put there when it is complete.
  if ((await lstat(target).catch(() => undefined)) !== undefined) return
  const url = urlOf(published)
  if (published.Type.toLowerCase() === 's3managed') {
    throw new BacalhauError(
      'NotFound',
      'the orchestrator signs no URLs for the results, which are in a bucket of its own',
      {
        hint: 'Its operator sets Publishers.Types.S3Managed.Bucket and has credentials for it.',
      },
    )
  }
  if (url !== undefined) return fetchArchive(url, checksumOf(published), inner, target, world)
  await withOwnClients(published, world, async (clients) => {
    if (!ARCHIVE.test(String(published.Params?.['Key']))) return fetchObjects(published, inner, target, clients, world)
    const signed = new URL(await signGet(clients, placeOf(published), SIGNED_FOR))
    return fetchArchive(signed, checksumOf(published), inner, target, world)
  })
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

/** What its publisher says that the archive is. */
function checksumOf({ Params = {} }: SpecConfig): unknown {
  const source = Params['SourceSpec'] ?? Params
  return typeof source === 'object' && source !== null && 'ChecksumSHA256' in source ? source.ChecksumSHA256 : undefined
}

async function fetchArchive(
  url: URL,
  checksum: unknown,
  inner: string,
  target: string,
  { progress, clock, signal, node }: TransferWorld,
): Promise<void> {
  const packed = `${target}.tar.gz`
  const fetching = { ...PATIENCE, outbound: createResultOutbound(node), clock }
  const attempt = await knock(url, fetching, signal, await restOf(packed))
  if (attempt.start === 0) await beginAnew(packed, attempt)
  const meter = createMeter({ what: `fetching results from ${url.host}`, total: attempt.total, progress, clock })
  await meter.start(attempt.start)
  const room = createDiskRoom(() => freeBytesOf(path.dirname(target)))
  const onBytes = (count: number) => meter.add(count)
  await download(url, attempt, packed, { ...fetching, onBytes, room }, signal)
  await assertChecksum(packed, checksum, signal)
  const limits = { maxBytes: LIMITS.contentBytes, maxFiles: LIMITS.contentFiles, signal }
  await unpackPart(createReadStream(packed), target, inner, limits)
  await Promise.all([rm(packed), rm(noteOf(packed), { force: true })])
}

/** Beside what has come of an archive lies which archive it is of. */
const noteOf = (packed: string): string => `${packed}.version`

/** What an earlier download has left. The last byte is asked for again, for there always is an answer to that. */
async function restOf(packed: string): Promise<Rest | undefined> {
  const validator = await readFile(noteOf(packed), 'utf8').catch(() => '')
  const size = (await stat(packed).catch(() => undefined))?.size ?? 0
  return validator === '' || size < 2 ? undefined : { at: size - 1, validator }
}

/** In this order, so that never the rest of one archive is taken for a part of another one. */
async function beginAnew(packed: string, { validator = '' }: Attempt): Promise<void> {
  await rm(packed, { force: true })
  await writeFile(noteOf(packed), validator)
}

/** For so long a URL that we sign for ourselves is good, in milliseconds. */
const SIGNED_FOR = 24 * 60 * 60_000

function placeOf({ Params = {} }: SpecConfig): S3Place {
  const text = (name: string) => (typeof Params[name] === 'string' ? Params[name] : undefined)
  return { Bucket: text('Bucket') ?? '', Key: text('Key') ?? '', Endpoint: text('Endpoint'), Region: text('Region') }
}

/** With the credentials of the user. */
async function withOwnClients(
  published: SpecConfig,
  { env = {}, node }: TransferWorld,
  work: (clients: S3Clients) => Promise<void>,
): Promise<void> {
  const clients = createS3Clients({ ...PATIENCE, outbound: createResultOutbound(node), env, home: homedir() })
  try {
    if (await clients.available()) return await work(clients)
    throw new BacalhauError('Forbidden', 'the results are in S3, and there are no credentials for it here', {
      hint: `Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fetch them yourself: ${JSON.stringify(published)}`,
    })
  } finally {
    await clients.stop()
  }
}

/** Results that lie there file by file. */
async function fetchObjects(
  { Params = {} }: SpecConfig,
  inner: string,
  target: string,
  clients: S3Clients,
  { clock, signal }: TransferWorld,
): Promise<void> {
  const place = `${target}.s3`
  const room = createDiskRoom(() => freeBytesOf(path.dirname(target)))
  const cache = await openInputCache(place)
  const source = createS3Source({ ...PATIENCE, clients, cache, room, clock })
  const { ChecksumSHA256: _, VersionID: __, ...where } = Params
  const { hostPath } = await source.prepare({ Type: 's3', Params: where }, place, signal)
  const wanted = path.join(hostPath, ...inner.split('/').filter((name) => !['', '.', '..'].includes(name)))
  if ((await lstat(wanted).catch(() => undefined)) === undefined) {
    throw new BacalhauError('NotFound', `the results have no "${inner}"`)
  }
  await rename(wanted, target)
  await rm(place, { recursive: true, force: true })
}
