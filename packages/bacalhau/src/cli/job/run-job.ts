import type { JobSpec } from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import { uploadFileSources } from '../spec/file-sources.ts'
import { upload } from '../transfer/upload.ts'
import { awaitJob, type AwaitRequest, progressOf } from './await-job.ts'

export interface RunRequest extends Omit<AwaitRequest, 'namespace'> {
  readonly spec: JobSpec
  /** Folder that the paths of local inputs start from. */
  readonly folder: string
  /** Make a new version of a job that is there even if nothing has changed. */
  readonly force?: boolean
  /** Print no warnings of the node about the spec. */
  readonly quiet?: boolean
}

/**
 * Uploads local inputs, submits the job and, if wanted, waits for its end. Resolves with the exit code; throws `JobFailed` when
 * the job ends otherwise than well.
 */
export async function runJob(request: RunRequest): Promise<number> {
  const { client, io, signal, force = false, quiet = false } = request
  const progress = progressOf(request)
  const spec = await uploadFileSources(request.spec, request.folder, async (file) => {
    const { CID } = await upload(client, file, { progress, clock: io.clock, signal })
    return CID
  })
  const { JobID, Warnings } = await client.jobs.submit(spec, { signal, ...(force ? { force } : {}) })
  for (const warning of quiet ? [] : (Warnings ?? [])) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  return awaitJob(JobID, { ...request, namespace: spec.Namespace }, progress)
}
