import { signGet, signPut } from '../../sources/s3/sign.ts'
import type { S3Clients, S3Site } from '../../sources/s3/clients.ts'

/** The bucket of an orchestrator, which opens it for one object at a time. */
export interface ManagedBucket {
  signPut(
    result: ResultName,
    bytes: number,
  ): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }>
  signGet(result: ResultName): Promise<string>
  /** Where the object is, for those who want to know. */
  place(result: ResultName): { readonly Bucket: string; readonly Key: string } & S3Site
}

/** The execution whose results are meant. */
export interface ResultName {
  readonly jobId: string
  readonly executionId: string
}

export interface ManagedBucketOptions extends S3Site {
  readonly clients: S3Clients
  readonly bucket: string
  /** What all keys begin with; without `/` at its end. */
  readonly prefix: string
  /** Milliseconds for which a URL can be used. */
  readonly lasting: number
}

/** Objects are `<prefix>/<job>/<execution>.tar.gz`. */
export function createManagedBucket(options: ManagedBucketOptions): ManagedBucket {
  const { clients, bucket, prefix, lasting, Endpoint, Region } = options
  const site = { ...(Endpoint === undefined ? {} : { Endpoint }), ...(Region === undefined ? {} : { Region }) }
  const beginning = prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/`
  const place: ManagedBucket['place'] = ({ jobId, executionId }) => ({
    Bucket: bucket,
    Key: `${beginning}${jobId}/${executionId}.tar.gz`,
    ...site,
  })
  return {
    place,
    signGet: (result) => signGet(clients, place(result), lasting),
    signPut: (result, bytes) => signPut(clients, place(result), bytes, lasting),
  }
}
