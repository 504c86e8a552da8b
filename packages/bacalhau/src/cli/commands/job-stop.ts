import { isFinalJobState } from '@bacalhau/models/job-state'
import { BacalhauError } from '../../runtime/error.ts'
import type { jobStopFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { shortId } from '../job/short-id.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobStopFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const options = { signal, ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }) }
  // By its full id, since a name could mean another job a moment later.
  const { Job } = await client.jobs.get(id, options)
  if (isFinalJobState(Job.State.StateType)) {
    throw new BacalhauError('Conflict', 'Job is already in a terminal state.', {
      hint: `It is ${Job.State.StateType.toLowerCase()}; see \`bacalhau job describe ${shortId(Job.ID)}\`.`,
    })
  }
  const { EvaluationID } = await client.jobs.stop(Job.ID, flags.reason ?? 'Stopped at user request', options)
  if (flags.quiet) return 0
  await present(
    io,
    flags,
    { JobID: Job.ID, EvaluationID },
    () => `Job stop successfully submitted with evaluation ID: ${plainLine(EvaluationID)}\n`,
  )
  return 0
}
