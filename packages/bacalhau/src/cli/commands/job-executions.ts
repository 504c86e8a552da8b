import type { jobExecutionsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { executionTable } from '../job/execution-table.ts'
import { shortId } from '../job/short-id.ts'
import { versionOptions } from '../job/version-options.ts'
import { isForPrograms, present } from '../present.ts'
import { sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobExecutionsFlags>): Promise<number> {
  const [id = ''] = args
  const { limit = 20, 'next-token': nextToken } = flags
  const client = await connect(io, flags)
  const page = await client.jobs.listExecutions(id, {
    ...versionOptions(flags),
    limit,
    signal,
    ...(nextToken === undefined ? {} : { nextToken }),
  })
  await present(io, flags, page.Items, (style) =>
    page.Items.length === 0 ? 'No executions yet.\n' : executionTable(page.Items, io.clock.now(), style),
  )
  if (page.NextToken !== '' && !isForPrograms(flags)) {
    const job = shortId(page.Items[0]?.JobID ?? id)
    const token = plainLine(page.NextToken)
    await io.err.write(`There are more: bacalhau job executions ${job} --next-token ${token}${sameNode(flags)}\n`)
  }
  return 0
}
