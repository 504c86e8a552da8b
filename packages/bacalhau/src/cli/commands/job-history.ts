import type { JobHistory } from '@bacalhau/models'
import type { jobHistoryFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { historyTable } from '../job/history-table.ts'
import { versionOptions } from '../job/version-options.ts'
import { present } from '../present.ts'

/** Events of one request. */
const PAGE = 500

export async function run({ args, flags, io, signal }: Invocation<typeof jobHistoryFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const query = {
    limit: PAGE,
    signal,
    ...versionOptions(flags),
    ...(flags['execution-id'] === undefined ? {} : { executionId: flags['execution-id'] }),
  }
  const events: JobHistory[] = []
  let page = await client.jobs.history(id, query)
  events.push(...page.Items)
  // A token alone only says that the job may yet do more; a full page says that more is there.
  while (page.NextToken !== '' && page.Items.length === PAGE) {
    page = await client.jobs.history(id, { ...query, nextToken: page.NextToken })
    events.push(...page.Items)
  }
  await present(io, flags, events, () => historyTable(events))
  return 0
}
