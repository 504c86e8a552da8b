import type { Client } from '@bacalhau/client'
import type { Job } from '@bacalhau/models'
import type { jobListFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { labelsText } from '../job/labels-text.ts'
import { toJson, toYaml } from '../present.ts'
import { column, csvText, presentTable, tableText, type TableColumn, tellMore, wideColumn } from '../present-table.ts'
import { flagsText, sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import { styleFor } from '../terminal/style.ts'
import { fromNanoseconds } from '../terminal/time.ts'

const JOB_COLUMNS: readonly TableColumn<Job>[] = [
  column('CREATED', (job, look) => look.time(fromNanoseconds(job.CreateTime))),
  column('ID', (job, look) => look.id(job.ID)),
  column('NAME', (job, look) => (job.Name === job.ID ? look.id(job.ID) : plainLine(job.Name))),
  column('JOB', (job) => plainLine(job.Tasks[0]?.Engine.Type ?? '')),
  column('TYPE', (job) => plainLine(job.Type)),
  column('STATE', (job, look) => paintState(plainLine(job.State.StateType), look.style)),
  wideColumn('NAMESPACE', (job) => plainLine(job.Namespace)),
  wideColumn('LABELS', (job) => labelsText(job.Labels)),
]

type Listing = Invocation<typeof jobListFlags>

export async function run({ flags, io, signal }: Listing): Promise<number> {
  const client = await connect(io, flags)
  const list = (stop: AbortSignal) => listJobs(client, flags, stop)
  if (flags.watch) return watch(client, { flags, io, signal }, async (stop) => (await list(stop)).jobs)
  const { jobs, nextToken } = await list(signal)
  await presentTable(io, flags, jobs, JOB_COLUMNS, 'No jobs yet. Run one: bacalhau job run job.yaml\n')
  if (nextToken !== '') {
    await tellMore(io, flags, `bacalhau job list --next-token ${plainLine(nextToken)}${sameList(flags)}`)
  }
  return 0
}

/** What has to be said again to see the next part of the same list. */
function sameList(flags: Listing['flags']): string {
  const { limit, labels, namespace, oldest, wide, 'order-by': by, 'order-reversed': reversed } = flags
  const said = { limit, labels, namespace, oldest, 'order-by': by, 'order-reversed': reversed, wide }
  return flagsText(said) + sameNode(flags)
}

async function listJobs(client: Client, flags: Listing['flags'], signal: AbortSignal) {
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
  return { jobs, nextToken: NextToken }
}

/** On a terminal the list itself, again and again; elsewhere each job that is new or has changed, in the form that is asked for. */
async function watch(
  client: Client,
  { flags, io, signal }: Pick<Listing, 'flags' | 'io' | 'signal'>,
  list: (signal: AbortSignal) => Promise<readonly Job[]>,
): Promise<number> {
  const { watchChanges, watchOnScreen } = await import('../top/watch-list.ts')
  const watched = { client, io, signal, namespace: flags.namespace, list }
  const lines = (jobs: readonly Job[], header: boolean) =>
    tableText(jobs, JOB_COLUMNS, { ...flags, 'no-style': true, 'hide-header': !header }, io)
  if (io.out.redraws && (flags.output ?? 'table') === 'table') {
    await watchOnScreen(watched, (jobs) => lines(jobs, true), styleFor(io.out, io.env, flags['no-color']))
    return 0
  }
  let first = !flags['hide-header']
  await watchChanges(watched, async (changed, all) => {
    if (flags.output === 'json') await io.out.write(changed.map((job) => toJson(job, flags.pretty)).join(''))
    else if (flags.output === 'yaml') for (const job of changed) await io.out.write(`---\n${await toYaml(job)}`)
    else if (flags.output === 'csv')
      await io.out.write(csvText(changed, JOB_COLUMNS, { ...flags, 'hide-header': !first }))
    else {
      // As wide as they are in the whole list, so that lines that come later stand below the earlier ones.
      const rows = lines(all, false).split('\n')
      if (first) await io.out.write(`${lines(all, true).split('\n', 1).join('')}\n`)
      await io.out.write(changed.map((job) => `${rows[all.indexOf(job)] ?? ''}\n`).join(''))
    }
    first = false
  })
  return 0
}
