import type { SpecConfig } from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { endpointOf } from '../../sources/s3/clients.ts'
import { parseParams } from '../../sources/params.ts'

const schema = z.strictObject({
  Bucket: z.string().min(1).max(255),
  Key: z.string().min(1).max(1_024),
  Region: z.string().max(64).optional(),
  Endpoint: z.string().max(2_048).optional(),
  Encoding: z.string().max(16).default('gzip'),
  // Releases before 1.4 sent it, and those from 1.2 on made an archive whatever it said.
  Compress: z.boolean().optional(),
})

export interface S3Target {
  readonly Bucket: string
  readonly Key: string
  readonly Region: string | undefined
  readonly Endpoint: string | undefined
  /** One archive, or each file as an object of its own. */
  readonly encoding: 'gzip' | 'plain'
}

/** Throws `ValidationError`. */
export function parseS3Target(spec: SpecConfig): S3Target {
  const { Encoding, Bucket, Key, Region, Endpoint } = parseParams(schema, spec)
  endpointOf({ Endpoint })
  const encoding = Encoding.toLowerCase() || 'gzip'
  if (encoding !== 'gzip' && encoding !== 'plain') {
    throw new BacalhauError('ValidationError', `invalid encoding ${Encoding}: it must be gzip or plain`)
  }
  const some = (text: string | undefined) => (text === '' ? undefined : text)
  return { Bucket, Key, Region: some(Region), Endpoint: some(Endpoint), encoding }
}

export interface KeyFacts {
  readonly nodeId: string
  readonly jobId: string
  readonly executionId: string
  /** Milliseconds since the Unix epoch. */
  readonly now: number
}

/** The key with its places filled in: `{jobID}`, `{executionID}`, `{nodeID}`, `{date}` (YYYYMMDD), `{time}` (HHMMSS), the latter in UTC. */
export function fillKey(key: string, { nodeId, jobId, executionId, now }: KeyFacts): string {
  const [date = '', time = ''] = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').split('T')
  const facts = { nodeID: nodeId, jobID: jobId, executionID: executionId, date, time }
  const values = new Map(Object.entries(facts))
  return key.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values.get(name) ?? whole)
}
