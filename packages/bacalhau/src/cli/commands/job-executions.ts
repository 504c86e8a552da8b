import type { jobExecutionsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { executionTable } from '../job/execution-table.ts'
import { present } from '../present.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobExecutionsFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const namespace = flags.namespace === undefined ? {} : { namespace: flags.namespace }
  const executions = await client.jobs.executions(id, { ...namespace, signal })
  await present(io, flags, executions, (style) =>
    executions.length === 0 ? 'No executions yet.\n' : executionTable(executions, io.clock.now(), style),
  )
  return 0
}
