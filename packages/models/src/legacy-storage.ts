import type { InputSourceSpec } from './job-spec.ts'
import type { StorageSpec } from './legacy-spec.ts'
import type { Problem } from './problem.ts'
import type { SpecConfig } from './spec-config.ts'

/** The v1.9 input of an older storage spec, at `target`. What it lacks is added to `problems`. */
export function toInput(storage: StorageSpec, target: string, path: string, problems: Problem[]): InputSourceSpec {
  const need = (field: 'CID' | 'URL' | 'SourcePath') => {
    if (!storage[field]) problems.push({ path: `${path}.${field}`, message: 'missing' })
    return storage[field] ?? ''
  }
  const source = (): SpecConfig => {
    const kind = storage.StorageSource ?? guess(storage)
    switch (kind) {
      case 'IPFS':
      case 'Estuary':
        return { Type: 'ipfs', Params: { CID: need('CID') } }
      case 'URLDownload':
        return { Type: 'urlDownload', Params: { URL: need('URL') } }
      case 'Inline':
        return { Type: 'inline', Params: { URL: need('URL') } }
      case 'LocalDirectory':
        return { Type: 'local', Params: { SourcePath: need('SourcePath'), ReadWrite: storage.ReadWrite ?? false } }
      case 'S3':
        return { Type: 's3', Params: toS3(storage, path, problems) }
      case 'Filecoin':
      case 'FilecoinUnsealed':
      case 'RepoClone':
      case 'RepoCloneLFS':
        problems.push({ path, message: `storage source ${kind} is gone; use IPFS, URLDownload, S3 or Inline` })
        return { Type: kind.toLowerCase() }
      case undefined:
        problems.push({ path: `${path}.StorageSource`, message: 'missing' })
        return { Type: 'unknown' }
    }
  }
  return { Source: source(), Alias: storage.Name ?? '', Target: target }
}

/** The source that the fields of a spec without `StorageSource` can only mean. */
function guess({ CID, URL, S3, SourcePath }: StorageSpec): StorageSpec['StorageSource'] {
  if (CID) return 'IPFS'
  if (URL) return URL.startsWith('data:') ? 'Inline' : 'URLDownload'
  if (S3 !== undefined) return 'S3'
  return SourcePath ? 'LocalDirectory' : undefined
}

/** `Checksum` of those releases is `ChecksumSHA256` now. */
function toS3({ S3 }: StorageSpec, path: string, problems: Problem[]): Record<string, unknown> {
  for (const field of ['Bucket', 'Key'] as const) {
    if (!S3?.[field]) problems.push({ path: `${path}.S3.${field}`, message: 'missing' })
  }
  const { Checksum, ...params } = S3 ?? {}
  return { ...(Checksum ? { ChecksumSHA256: Checksum } : {}), ...params }
}
