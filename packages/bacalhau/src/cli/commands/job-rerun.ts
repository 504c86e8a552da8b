import type { jobRerunFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { awaitJob, progressOf } from '../job/await-job.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobRerunFlags>): Promise<number> {
  const [id = ''] = args
  const { namespace = 'default', version } = flags
  const client = await connect(io, flags)
  const { JobID } = await client.jobs.rerun(id, { namespace, signal, ...(version === undefined ? {} : { version }) })
  return awaitJob(JobID, { client, namespace, flags, io, signal }, progressOf({ flags, io }))
}
