import type { SpecConfig } from '@bacalhau/models'
import { ApiError } from './api-error.ts'
import { type ContentEntry, walkContent } from './content/walk.ts'
import { jobPath } from './job-address.ts'
import { pageOf, shaped } from './shape.ts'
import type { Transport } from './transport.ts'

const result = shaped<SpecConfig>({ Type: 'string' })

/** The files that a job published, all verified against the CIDs that its record names. */
export async function* readResults(
  transport: Transport,
  jobId: string,
  { namespace, signal }: { readonly namespace?: string; readonly signal?: AbortSignal },
): AsyncGenerator<ContentEntry> {
  const path = jobPath(jobId, '/results')
  const { Items } = await transport.ask('GET', path, pageOf(result), { query: { namespace }, signal })
  for (const [index, { Type, Params }] of Items.entries()) {
    const cid = Params?.['CID']
    if (Type.toLowerCase() !== 'ipfs' || typeof cid !== 'string') {
      throw new ApiError(0, 'NotImplemented', `results of type "${Type}" have no CID to be fetched by`, {
        hint: 'Publish to `ipfs`, or read where they are from the `results` of the job.',
      })
    }
    for await (const entry of walkContent(transport, cid, signal)) {
      yield Items.length === 1 ? entry : { ...entry, path: [index, entry.path].filter((step) => step !== '').join('/') }
    }
  }
}
