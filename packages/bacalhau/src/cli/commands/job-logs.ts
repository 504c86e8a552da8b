import type { jobLogsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { printOutput } from '../job/follow-output.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobLogsFlags>): Promise<number> {
  const [id = ''] = args
  const { follow, tail, namespace, 'execution-id': executionId } = flags
  await printOutput(await connect(io, flags), id, io, {
    follow,
    tail,
    signal,
    ...(namespace === undefined ? {} : { namespace }),
    ...(executionId === undefined ? {} : { executionId }),
  })
  return 0
}
