import type { SpecConfig } from '@bacalhau/models'
import { messageOf } from '../../runtime/error.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { S3Clients } from '../../sources/s3/clients.ts'
import { loadSdk } from '../../sources/s3/clients.ts'

/** Makes a result that only the operator could fetch into one that whoever may see it can. */
export type ResultSigner = (result: SpecConfig, jobId: string) => Promise<SpecConfig>

export interface SignerOptions {
  readonly clients: S3Clients
  readonly logger: Logger
  /** Milliseconds for which a URL can be used. */
  readonly lasting: number
}

/** What Amazon allows at most, in seconds. */
const LONGEST = 7 * 24 * 60 * 60

/**
 * Signs URLs for archives in S3. A result is what a compute node says, and the credentials of the operator may open more than the
 * results of this job: only an object with the ID of the job in its key is signed for.
 */
export function createResultSigner({ clients, logger, lasting }: SignerOptions): ResultSigner {
  return async (result, jobId) => {
    const { Bucket, Key, Endpoint, Region } = result.Params ?? {}
    if (result.Type.toLowerCase() !== 's3' || typeof Bucket !== 'string' || typeof Key !== 'string') return result
    if (!Key.endsWith('.tar.gz') || !Key.includes(jobId)) return result
    try {
      if (!(await clients.available())) return result
      const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
        loadSdk(),
        import('@aws-sdk/s3-request-presigner'),
      ])
      const client = await clients.clientFor({
        ...(typeof Endpoint === 'string' ? { Endpoint } : {}),
        ...(typeof Region === 'string' ? { Region } : {}),
      })
      const expiresIn = Math.min(LONGEST, Math.max(1, Math.floor(lasting / 1_000)))
      const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn })
      return { Type: 's3PreSigned', Params: { SourceSpec: result.Params, PreSignedURL: url, Managed: false } }
    } catch (error) {
      // The user still learns where it is.
      logger.warn({ jobId, error: messageOf(error) }, 'cannot sign a URL for a result in S3')
      return result
    }
  }
}
