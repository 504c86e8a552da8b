import type { HistoryOptions, Jobs } from '@bacalhau/client'
import type { JobHistory } from '@bacalhau/models'
import type { jobHistoryFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { HISTORY_COLUMNS } from '../job/history-table.ts'
import { versionOptions } from '../job/version-options.ts'
import { presentTable } from '../present-table.ts'

/** Events of one request. */
const PAGE = 500

export async function run({ args, flags, io, signal }: Invocation<typeof jobHistoryFlags>): Promise<number> {
  const [id = ''] = args
  const { limit = 0, 'next-token': nextToken, 'event-type': type, 'execution-id': executionId } = flags
  const client = await connect(io, flags)
  const events = await readEvents(client.jobs, id, limit, {
    signal,
    ...versionOptions(flags),
    ...(nextToken === undefined ? {} : { nextToken }),
    ...(type === undefined ? {} : { type }),
    ...(executionId === undefined ? {} : { executionId }),
  })
  await presentTable(io, flags, flags['order-reversed'] ? events.toReversed() : events, HISTORY_COLUMNS)
  return 0
}

/** At most `limit` events, 0 meaning all that there are. */
async function readEvents(jobs: Jobs, id: string, limit: number, query: HistoryOptions): Promise<JobHistory[]> {
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit
  const events: JobHistory[] = []
  for (let token = query.nextToken; events.length < wanted;) {
    const size = Math.min(PAGE, wanted - events.length)
    const page = await jobs.history(id, { ...query, limit: size, ...(token === undefined ? {} : { nextToken: token }) })
    events.push(...page.Items)
    // A token alone only says that the job may yet do more; a full page says that more is there.
    if (page.NextToken === '' || page.Items.length < size) break
    token = page.NextToken
  }
  return events
}
