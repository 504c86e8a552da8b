import type { jobLogsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { printOutput } from '../job/follow-output.ts'
import { createLogPrinter } from '../job/log-printer.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobLogsFlags>): Promise<number> {
  const [id = ''] = args
  const { follow, tail, namespace, 'execution-id': executionId } = flags
  const client = await connect(io, flags)
  const printer = createLogPrinter(io, flags['no-color'])
  await printOutput({ client, id, namespace, printer, signal }, { follow, tail, executionId })
  return 0
}
