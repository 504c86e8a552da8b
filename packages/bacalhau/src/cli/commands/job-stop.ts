import type { jobStopFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { shortId } from '../job/short-id.ts'
import { present } from '../present.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobStopFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const options = { signal, ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }) }
  // By its full id, since a name could mean another job a moment later.
  const { Job } = await client.jobs.get(id, options)
  await client.jobs.stop(Job.ID, flags.reason ?? 'Stopped at user request', options)
  await present(io, flags, { JobID: Job.ID }, () => `Job ${shortId(Job.ID)} is stopped.\n`)
  return 0
}
