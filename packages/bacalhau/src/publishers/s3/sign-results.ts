import type { SpecConfig } from '@bacalhau/models'
import { messageOf } from '../../runtime/error.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { S3Clients } from '../../sources/s3/clients.ts'
import { signGet } from '../../sources/s3/sign.ts'
import type { ManagedBucket } from '../s3-managed/bucket.ts'

/** Makes a result that only the operator could fetch into one that whoever may see it can. */
export type ResultSigner = (result: SpecConfig, jobId: string) => Promise<SpecConfig>

export interface SignerOptions {
  readonly clients: S3Clients
  /** The bucket that this orchestrator lends to compute nodes, if it has one. */
  readonly bucket?: ManagedBucket | undefined
  /** Whether results in other buckets are signed for, too. */
  readonly others: boolean
  readonly logger: Logger
  /** Milliseconds for which a URL can be used. */
  readonly lasting: number
}

/**
 * Signs URLs for archives in S3. A result is what a compute node says, and the credentials of the operator may open more than the
 * results of this job: only an object with the ID of the job in its key is signed for.
 */
export function createResultSigner({ clients, bucket, others, logger, lasting }: SignerOptions): ResultSigner {
  async function open(result: SpecConfig, jobId: string): Promise<SpecConfig> {
    const { Params = {} } = result
    switch (result.Type.toLowerCase()) {
      case 's3managed': {
        const { ExecutionID: executionId } = Params
        if (bucket === undefined || typeof executionId !== 'string' || !isId(executionId)) return result
        const { ChecksumSHA256 } = Params
        const name = { jobId, executionId }
        const source = { ...bucket.place(name), ...(ChecksumSHA256 === undefined ? {} : { ChecksumSHA256 }) }
        return preSigned(source, await bucket.signGet(name), true)
      }
      case 's3': {
        const { Bucket, Key, Endpoint, Region } = Params
        if (!others || typeof Bucket !== 'string' || typeof Key !== 'string') return result
        if (!Key.endsWith('.tar.gz') || !Key.includes(jobId) || !(await clients.available())) return result
        const place = { Bucket, Key, Endpoint: textOf(Endpoint), Region: textOf(Region) }
        return preSigned(Params, await signGet(clients, place, lasting), false)
      }
      default:
        return result
    }
  }

  return async (result, jobId) => {
    try {
      return await open(result, jobId)
    } catch (error) {
      // The user still learns where it is.
      logger.warn({ jobId, error: messageOf(error) }, 'cannot sign a URL for a result in S3')
      return result
    }
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** What a compute node says becomes part of a key. */
const isId = (text: string): boolean => /^[\w-]{1,128}$/.test(text)

const preSigned = (SourceSpec: object, PreSignedURL: string, Managed: boolean): SpecConfig => ({
  Type: 's3PreSigned',
  Params: { SourceSpec, PreSignedURL, Managed },
})
