import type { Client } from '@bacalhau/client'
import { BacalhauError } from '../../runtime/error.ts'
import type { jobLogsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { latestTaken } from '../job/chain-of-runs.ts'
import { printOutput } from '../job/follow-output.ts'
import { createLogPrinter } from '../job/log-printer.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobLogsFlags>): Promise<number> {
  const [id = ''] = args
  const { follow, tail, lines, namespace, version } = flags
  const client = await connect(io, flags)
  const named = flags['execution-id']
  const executionId =
    named ?? (version === undefined ? undefined : await runOf(client, id, { namespace, version, signal }))
  const printer = createLogPrinter(io, flags['no-color'])
  await printOutput({ client, id, namespace, printer, signal }, { follow, tail, lines, executionId })
  return 0
}

interface Versioned {
  readonly namespace: string | undefined
  readonly version: number
  readonly signal: AbortSignal
}

/** The newest execution of one version of a job. Throws `NotFound` when that version has not run. */
async function runOf(client: Client, id: string, { namespace, version, signal }: Versioned): Promise<string> {
  const options = { version, signal, ...(namespace === undefined ? {} : { namespace }) }
  const run = latestTaken(await client.jobs.executions(id, options))
  if (run !== undefined) return run.ID
  throw new BacalhauError('NotFound', `version ${version} of the job has not run`, {
    hint: `See \`bacalhau job executions ${id} --all-versions\`.`,
  })
}
