import type { SpecConfig } from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { parseParams } from '../params.ts'
import { endpointOf } from './clients.ts'
import { type Partitioning, parsePartitioning, partitionSchema } from './partition.ts'
import { parsePattern, type Pattern } from './pattern.ts'

const optional = (longest: number) => z.string().max(longest).optional()

const schema = z.strictObject({
  Bucket: z.string().min(1).max(255),
  Key: z.string().max(1_024).default(''),
  Filter: optional(1_024),
  Region: optional(64),
  Endpoint: optional(2_048),
  VersionID: optional(1_024),
  ChecksumSHA256: optional(128),
  Partition: partitionSchema.optional(),
})

export interface S3Params {
  readonly Bucket: string
  /** Of one object, or with `*` or `/` at its end the beginning of several. */
  readonly Key: string
  readonly Region: string | undefined
  readonly Endpoint: string | undefined
  readonly VersionID: string | undefined
  readonly ChecksumSHA256: string | undefined
  /** Which of several objects are meant, by their key without the common prefix. */
  readonly filter: Pattern | undefined
  readonly partitioning: Partitioning
}

/** Throws `ValidationError`. */
export function parseS3Params(spec: SpecConfig): S3Params {
  const { Filter, Partition, ...params } = parseParams(schema, spec)
  endpointOf(params)
  if (/[\0/]/.test(params.Bucket)) throw new BacalhauError('ValidationError', `no bucket is named "${params.Bucket}"`)
  const some = (text: string | undefined) => (text === '' ? undefined : text)
  return {
    Bucket: params.Bucket,
    Key: params.Key,
    Region: some(params.Region),
    Endpoint: some(params.Endpoint),
    VersionID: some(params.VersionID),
    ChecksumSHA256: some(params.ChecksumSHA256),
    filter: some(Filter) === undefined ? undefined : parsePattern(Filter ?? ''),
    partitioning: parsePartitioning(Partition),
  }
}
