import type { S3Client } from '@aws-sdk/client-s3'
import path from 'node:path'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { loadSdk } from './clients.ts'
import type { S3Params } from './params.ts'
import type { Share } from '../source.ts'
import { partOf } from './partition.ts'

/** One object to be fetched. */
export interface S3Object {
  readonly key: string
  /** Where it goes: relative, with `/`, inside of the folder whatever the key is. */
  readonly name: string
  readonly bytes: number
  readonly etag: string | undefined
  readonly versionId: string | undefined
}

/** The objects that a spec means, as this execution gets them. Throws `InputFailed`, or what the SDK throws. */
export async function objectsOf(
  params: S3Params,
  client: S3Client,
  share: Share,
  signal: AbortSignal,
): Promise<readonly S3Object[]> {
  const { Key } = params
  const one = Key === '' || Key.endsWith('*') || Key.endsWith('/') ? undefined : await head(params, client, signal)
  if (one !== undefined) return [one]
  const prefix = Key.replace(/\*+$/, '')
  const listed = await list(params, prefix, client, signal)
  const wanted = params.filter === undefined ? listed : matching(listed, prefix, params.filter)
  const objects = ownShare(wanted, prefix, params.partitioning, share)
  // Nothing in this part is as it should be; nothing at all is a mistake.
  if (wanted.length === 0)
    throw new BacalhauError('InputFailed', `failed to fetch s3 input: no objects match ${shown(params)}`)
  const base = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  return objects.map((object) => ({ ...object, name: nameOf(object.key, base) }))
}

type Listed = Omit<S3Object, 'name'>

/** The one object of this key; undefined when the key stands for a folder. */
async function head(params: S3Params, client: S3Client, signal: AbortSignal): Promise<S3Object | undefined> {
  const { HeadObjectCommand } = await loadSdk()
  const { Bucket, Key, VersionID, ChecksumSHA256 } = params
  const answer = await client.send(
    new HeadObjectCommand({
      Bucket,
      Key,
      ...(VersionID === undefined ? {} : { VersionId: VersionID }),
      ...(ChecksumSHA256 === undefined ? {} : { ChecksumMode: 'ENABLED' }),
    }),
    { abortSignal: signal },
  )
  const type = answer.ContentType ?? ''
  if (type === '' || type.startsWith('application/x-directory')) return undefined
  const { ChecksumSHA256: told } = answer
  if (ChecksumSHA256 !== undefined && told !== undefined && told !== ChecksumSHA256) throw mismatch(params, told)
  return {
    key: Key,
    name: nameOf(path.posix.basename(Key), ''),
    bytes: answer.ContentLength ?? 0,
    etag: answer.ETag,
    versionId: VersionID ?? (answer.VersionId === 'null' ? undefined : answer.VersionId),
  }
}

async function list(params: S3Params, prefix: string, client: S3Client, signal: AbortSignal): Promise<Listed[]> {
  const { paginateListObjectsV2 } = await loadSdk()
  const listed: Listed[] = []
  const pages = paginateListObjectsV2({ client }, { Bucket: params.Bucket, Prefix: prefix }, { abortSignal: signal })
  for await (const { Contents = [] } of pages) {
    for (const { Key = '', Size = 0, ETag } of Contents) {
      if (!Key.endsWith('/')) listed.push({ key: Key, bytes: Size, etag: ETag, versionId: undefined })
    }
    if (listed.length > LIMITS.inputObjects) {
      const problem = `${shown(params)} has more than ${LIMITS.inputObjects} objects`
      throw new BacalhauError('ContentTooLarge', problem, { hint: 'Name fewer of them with a longer prefix.' })
    }
  }
  return listed
}

function matching(listed: readonly Listed[], prefix: string, filter: NonNullable<S3Params['filter']>): Listed[] {
  const matches = filter.match(listed.map(({ key }) => key.slice(prefix.length)))
  return listed.filter((_, index) => matches[index] !== null)
}

function ownShare(
  listed: readonly Listed[],
  prefix: string,
  partitioning: S3Params['partitioning'],
  { count, index }: Share,
): readonly Listed[] {
  // Jobs that run on every node have no parts; each run gets all.
  if (partitioning === undefined || count <= 1) return listed
  const keys = partitioning(
    listed.map(({ key }) => ({ whole: key, rest: key.slice(prefix.length).replace(/^\//, '') })),
  )
  return listed.filter((_, at) => partOf(keys[at], count) === index)
}

/** The path of an object below the folder of the input. A key is a text of a stranger, and no path. */
function nameOf(key: string, base: string): string {
  const parts = key
    .slice(base.length)
    .split('/')
    .filter((part) => part !== '')
  const unsafe = (part: string) => part === '.' || part === '..' || part.includes('\0') || Buffer.byteLength(part) > 255
  if (parts.length > 0 && !parts.some(unsafe)) return parts.join('/')
  throw new BacalhauError('InputFailed', `the key ${JSON.stringify(key.slice(0, 300))} cannot be the path of a file`)
}

export const shown = ({ Bucket, Key }: Pick<S3Params, 'Bucket' | 'Key'>): string => `s3://${Bucket}/${Key}`

export function mismatch(params: S3Params, got: string): BacalhauError {
  const problem = `checksum mismatch for ${shown(params)}, expected ${params.ChecksumSHA256 ?? ''}, got ${got}`
  return new BacalhauError('InputFailed', problem)
}
