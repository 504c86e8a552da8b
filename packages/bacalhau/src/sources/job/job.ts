import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { unpackPart } from '../../content/unpack-part.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { type Arrival, UNHEARD } from '../arrival.ts'
import type { DiskRoom } from '../disk-room.ts'
import type { InputCache } from '../input-cache.ts'
import { endpointOf, type S3Clients } from '../s3/clients.ts'
import { assertChecksum } from '../s3/checksum.ts'
import { signGet } from '../s3/sign.ts'
import { type InputSource, type PreparedInput, type Share, WHOLE } from '../source.ts'
import type { Fetching } from '../url/attempt.ts'
import { download, knock } from '../url/download.ts'
import { JOB_SOURCE, type OpenedResults, parseOpenedResults } from './params.ts'

export interface JobSourceOptions extends Fetching {
  readonly cache: InputCache
  readonly room: DiskRoom
  readonly clients: S3Clients
  /** The source of objects in S3. */
  readonly s3: InputSource
  /** A URL for results that an orchestrator keeps in its own storage. */
  readonly openManaged: (results: OpenedResults, reader: Share['execution'], signal: AbortSignal) => Promise<string>
  /** The archive at a URL that this very node serves, as a file. */
  readonly ownArchive: (url: URL) => string | undefined
}

/** The URL of an archive in S3 has to last for as long as it takes to begin, not to end. */
const LASTING = 60 * 60_000
const ARCHIVE = /\.(?:tar\.gz|tgz)$/

/**
 * Results of another job, as the orchestrator has found them: what a publisher left, unpacked, whatever the publisher. (Those in
 * IPFS are inputs of the type `ipfs`.) They are one folder with `stdout`, `stderr`, `exitCode` and the results, or what is at
 * `Path` in it.
 */
export function createJobSource(options: JobSourceOptions): InputSource {
  const { cache, s3 } = options

  return {
    types: [JOB_SOURCE],
    available: async () => true,
    validate: (spec) => void parseOpenedResults(spec),
    async measure(spec) {
      const results = parseOpenedResults(spec)
      const bytes = cache.bytesOf(keyOf(results))
      return { bytes: bytes ?? 0, local: bytes !== undefined }
    },
    async prepare(spec, folder, signal, { execution } = WHOLE, arrival = UNHEARD) {
      signal.throwIfAborted()
      const results = parseOpenedResults(spec)
      if (isPlain(results)) return partOf(s3, results, folder, signal, arrival)
      const key = keyOf(results)
      const came = (count: number) => arrival.came(count)
      const input = await cache.acquire(
        key,
        async (target, signal, onBytes) => {
          const url = await urlOf(results, execution, options, signal)
          return make(url, results, target, { ...options, onBytes }, signal)
        },
        signal,
        came,
      )
      try {
        arrival.expect(cache.bytesOf(key) ?? 0)
        return input
      } catch (error) {
        await input.release()
        throw error
      }
    },
  }
}

/** Where the archive is. */
async function urlOf(
  results: OpenedResults,
  reader: Share['execution'],
  options: JobSourceOptions,
  signal: AbortSignal,
): Promise<URL> {
  const { Type, Params = {} } = results.Result
  switch (Type.toLowerCase()) {
    case 'urldownload':
      return new URL(String(Params['URL']))
    case 's3managed':
      return new URL(await options.openManaged(results, reader, signal))
    case 's3': {
      const { Bucket, Key, Endpoint, Region } = Params
      const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
      const place = { Bucket: String(Bucket), Key: String(Key), Endpoint: text(Endpoint), Region: text(Region) }
      endpointOf(place)
      return new URL(await signGet(options.clients, place, LASTING))
    }
    default:
      throw new BacalhauError('InputFailed', `results that were published to "${Type}" cannot be an input`)
  }
}

async function fetchArchive(url: URL, place: string, options: JobSourceOptions, signal: AbortSignal) {
  const attempt = await knock(url, options, signal)
  const release = await options.room.reserve(attempt.total ?? 0).catch((error: unknown) => {
    attempt.end()
    throw error
  })
  try {
    await download(url, attempt, place, options, signal)
  } finally {
    release()
  }
}

/** Unpacks what is at `url`, or what is at the path in it. */
async function make(
  url: URL,
  { Path = '', Result }: OpenedResults,
  target: string,
  options: JobSourceOptions,
  signal: AbortSignal,
) {
  const own = options.ownArchive(url)
  const archive = own ?? `${target}.tar.gz`
  try {
    if (own === undefined) await fetchArchive(url, archive, options, signal)
    await assertChecksum(archive, Result.Params?.['ChecksumSHA256'], signal)
    const limits = { maxBytes: options.maxBytes, maxFiles: LIMITS.contentFiles, signal }
    return await unpackPart(createReadStream(archive), target, Path, limits)
  } catch (error) {
    signal.throwIfAborted()
    if (isBacalhauError(error)) throw error
    throw new BacalhauError('InputFailed', `results of a job: ${messageOf(error)}`, { cause: error })
  } finally {
    if (own === undefined) await rm(archive, { force: true })
  }
}

/** Are they in S3 file by file? */
const isPlain = ({ Result: { Type, Params } }: OpenedResults): boolean =>
  Type.toLowerCase() === 's3' && !ARCHIVE.test(String(Params?.['Key']))

async function partOf(
  s3: InputSource,
  { Result, Path = '' }: OpenedResults,
  folder: string,
  signal: AbortSignal,
  arrival: Arrival,
): Promise<PreparedInput> {
  const spec: SpecConfig = { Type: 's3', Params: pick(Result.Params ?? {}, ['Bucket', 'Key', 'Endpoint', 'Region']) }
  const whole = await s3.prepare(spec, folder, signal, undefined, arrival)
  const hostPath = path.join(whole.hostPath, ...Path.split('/').filter((name) => !['', '.', '..'].includes(name)))
  const found = await stat(hostPath).catch(() => undefined)
  if (found !== undefined) return { ...whole, hostPath, kind: found.isDirectory() ? 'folder' : 'file' }
  await whole.release()
  throw new BacalhauError('NotFound', `the results have no "${Path}"`)
}

function pick(params: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name]]])))
}

/**
 * A file name. Results are published once, but where they are is told by whoever orders the work: one orchestrator must neither put
 * something else into the place of results that another one reads, nor read them without being able to say where they are.
 */
const keyOf = ({ JobID, ExecutionID, Path = '', Result }: OpenedResults): string =>
  createHash('sha256')
    .update(JSON.stringify([JOB_SOURCE, JobID, ExecutionID, Path, Result]))
    .digest('hex')
