import type { Job } from '@bacalhau/models'
import type { jobListFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { labelsText } from '../job/labels-text.ts'
import { column, presentTable, type TableColumn, tellMore, wideColumn } from '../present-table.ts'
import { sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import { fromNanoseconds } from '../terminal/time.ts'

export const JOB_COLUMNS: readonly TableColumn<Job>[] = [
  column('CREATED', (job, look) => look.time(fromNanoseconds(job.CreateTime))),
  column('ID', (job, look) => look.id(job.ID)),
  column('NAME', (job, look) => (job.Name === job.ID ? look.id(job.ID) : plainLine(job.Name))),
  column('JOB', (job) => plainLine(job.Tasks[0]?.Engine.Type ?? '')),
  column('TYPE', (job) => plainLine(job.Type)),
  column('STATE', (job, look) => paintState(plainLine(job.State.StateType), look.style)),
  wideColumn('NAMESPACE', (job) => plainLine(job.Namespace)),
  wideColumn('LABELS', (job) => labelsText(job.Labels)),
]

export async function run({ flags, io, signal }: Invocation<typeof jobListFlags>): Promise<number> {
  const client = await connect(io, flags)
  const { limit = 10, 'next-token': nextToken, 'order-by': orderBy, namespace } = flags
  const labels = flags.labels.join(',')
  const { Items, NextToken } = await client.jobs.list({
    limit,
    // The newest are what most people look for; whoever names an order gets it from the least up, as documented.
    reverse: orderBy === undefined ? !flags.oldest : flags['order-reversed'],
    signal,
    ...(orderBy === undefined || orderBy === 'id' ? {} : { orderBy }),
    ...(labels === '' ? {} : { labels }),
    ...(nextToken === undefined ? {} : { nextToken }),
    ...(namespace === undefined ? {} : { namespace }),
  })
  const jobs = orderBy === 'id' ? Items.toSorted((a, b) => (a.ID < b.ID ? -1 : 1)) : Items
  await presentTable(io, flags, jobs, JOB_COLUMNS, 'No jobs yet. Run one: bacalhau job run job.yaml\n')
  if (NextToken !== '') {
    await tellMore(io, flags, `bacalhau job list --next-token ${plainLine(NextToken)}${sameNode(flags)}`)
  }
  return 0
}
