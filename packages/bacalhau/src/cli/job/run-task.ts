import { describeProblems, type JobSpec, parseSubmission } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import type { taskRunFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { presentObject } from '../present.ts'
import { outputFormat } from '../spec/job-of-flags.ts'
import { runJob } from './run-job.ts'

type TaskRun = Pick<Invocation<typeof taskRunFlags>, 'flags' | 'io' | 'signal'>

/** Runs a job that was described by flags, or prints it. */
export async function runTask({ flags, io, signal }: TaskRun, written: JobSpec): Promise<number> {
  const parsed = parseSubmission(written)
  if (!parsed.ok) {
    throw new BacalhauError('ValidationError', describeProblems(parsed.problems), {
      hint: 'Correct the flag that says so and run it again.',
    })
  }
  const { spec } = parsed.value
  const output = outputFormat(flags.output)
  if (flags['dry-run']) {
    await presentObject(io, { output, pretty: flags.pretty }, spec)
    return 0
  }
  return runJob({ client: await connect(io, flags), spec, folder: io.cwd, flags: { ...flags, output }, io, signal })
}
