import type { HistoryOptions, Jobs } from '@bacalhau/client'
import type { JobHistory } from '@bacalhau/models'
import type { jobHistoryFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { HISTORY_COLUMNS } from '../job/history-table.ts'
import { shortId } from '../job/short-id.ts'
import { versionOptions } from '../job/version-options.ts'
import { presentTable, tellMore } from '../present-table.ts'
import { flagsText, sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

/** Events of one request. */
const PAGE = 500

export async function run({ args, flags, io, signal }: Invocation<typeof jobHistoryFlags>): Promise<number> {
  const [id = ''] = args
  const { limit = 0, 'next-token': nextToken, 'event-type': type, 'execution-id': executionId } = flags
  const client = await connect(io, flags)
  const { events, more } = await readEvents(client.jobs, id, limit, {
    signal,
    ...versionOptions(flags),
    ...(nextToken === undefined ? {} : { nextToken }),
    ...(type === undefined ? {} : { type }),
    ...(executionId === undefined ? {} : { executionId }),
  })
  await presentTable(
    io,
    flags,
    flags['order-reversed'] ? events.toReversed() : events,
    HISTORY_COLUMNS,
    'No such events yet.\n',
  )
  if (more !== undefined) await tellMore(io, flags, moreText(shortId(events[0]?.JobID ?? id), more, flags))
  return 0
}

function moreText(job: string, token: string, flags: Invocation<typeof jobHistoryFlags>['flags']): string {
  const { namespace, version, wide, limit, 'all-versions': all, 'event-type': type, 'execution-id': run } = flags
  const said = { namespace, version, wide, limit, 'all-versions': all, 'event-type': type, 'execution-id': run }
  const again = flagsText({ ...said, 'order-reversed': flags['order-reversed'] }) + sameNode(flags)
  return `bacalhau job history ${job} --next-token ${plainLine(token)}${again}`
}

interface Events {
  readonly events: JobHistory[]
  /** Where to go on, when the limit may have cut something off. */
  readonly more: string | undefined
}

/** At most `limit` events, 0 meaning all that there are. */
async function readEvents(jobs: Jobs, id: string, limit: number, query: HistoryOptions): Promise<Events> {
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit
  const events: JobHistory[] = []
  let token = query.nextToken
  while (events.length < wanted) {
    const size = Math.min(PAGE, wanted - events.length)
    const page = await jobs.history(id, { ...query, limit: size, ...(token === undefined ? {} : { nextToken: token }) })
    events.push(...page.Items)
    // A token alone only says that the job may yet do more; a full page says that more is there.
    if (page.NextToken === '' || page.Items.length < size) return { events, more: undefined }
    token = page.NextToken
  }
  return { events, more: token }
}
