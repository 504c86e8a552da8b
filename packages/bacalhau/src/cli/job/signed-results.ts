import type { SpecConfig } from '@bacalhau/models'
import type { Download } from '../transfer/download.ts'

/**
 * Puts the URLs that the orchestrator has signed into the place of results in S3, which then need no credentials of ours. Asks
 * for them only if there are any.
 */
export async function withSignedUrls(
  items: readonly Download[],
  results: () => Promise<readonly SpecConfig[]>,
): Promise<Download[]> {
  if (!items.some(isInS3)) return [...items]
  const signed = (await results()).filter(({ Type }) => Type.toLowerCase() === 's3presigned')
  return items.map((item) => {
    const { source } = item
    if (typeof source === 'string' || !isInS3(item)) return item
    const published = signed.find((candidate) => isSameObject(candidate, source.published))
    return published === undefined ? item : { ...item, source: { ...source, published } }
  })
}

const isInS3 = ({ source }: Download): boolean =>
  typeof source !== 'string' && ['s3', 's3managed'].includes(source.published.Type.toLowerCase())

function isSameObject({ Params }: SpecConfig, { Params: wanted = {} }: SpecConfig): boolean {
  const source = Params?.['SourceSpec']
  if (typeof source !== 'object' || source === null) return false
  const object: Readonly<Record<string, unknown>> = { ...source }
  const { JobID, ExecutionID } = wanted
  // Of its own bucket the orchestrator alone knows the keys, which end like this.
  if (Params?.['Managed'] === true)
    return String(object['Key']).endsWith(`${String(JobID)}/${String(ExecutionID)}.tar.gz`)
  return (
    object['Bucket'] === wanted['Bucket'] &&
    object['Key'] === wanted['Key'] &&
    object['Endpoint'] === wanted['Endpoint']
  )
}
