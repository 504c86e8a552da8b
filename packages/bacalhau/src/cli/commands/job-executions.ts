import type { jobExecutionsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { EXECUTION_COLUMNS } from '../job/execution-table.ts'
import { shortId } from '../job/short-id.ts'
import { versionOptions } from '../job/version-options.ts'
import { presentTable, tellMore } from '../present-table.ts'
import { flagsText, sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobExecutionsFlags>): Promise<number> {
  const [id = ''] = args
  const { limit = 20, 'next-token': nextToken, 'order-by': orderBy, 'order-reversed': reverse } = flags
  const client = await connect(io, flags)
  const page = await client.jobs.listExecutions(id, {
    ...versionOptions(flags),
    limit,
    signal,
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(reverse ? { reverse } : {}),
    ...(nextToken === undefined ? {} : { nextToken }),
  })
  await presentTable(io, flags, page.Items, EXECUTION_COLUMNS, 'No executions yet.\n')
  if (page.NextToken !== '') {
    const job = shortId(page.Items[0]?.JobID ?? id)
    const token = plainLine(page.NextToken)
    const { namespace, version, wide, 'all-versions': all } = flags
    const said = { namespace, version, 'all-versions': all, limit: flags.limit, 'order-by': orderBy, wide }
    const again = flagsText({ ...said, 'order-reversed': reverse }) + sameNode(flags)
    await tellMore(io, flags, `bacalhau job executions ${job} --next-token ${token}${again}`)
  }
  return 0
}
