import type { Job } from '@bacalhau/models'
import type { jobListFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { shortId } from '../job/short-id.ts'
import { isForPrograms, present } from '../present.ts'
import { sameNode } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatTable } from '../terminal/table.ts'
import { formatAgo, fromNanoseconds } from '../terminal/time.ts'

const COLUMNS = ['CREATED', 'JOB', 'NAME', 'ENGINE', 'TYPE', 'STATE'].map((title) => ({ title }))

export async function run({ flags, io, signal }: Invocation<typeof jobListFlags>): Promise<number> {
  const client = await connect(io, flags)
  const { limit = 10, 'next-token': nextToken, namespace } = flags
  const { Items, NextToken } = await client.jobs.list({
    limit,
    reverse: !flags.oldest,
    signal,
    ...(nextToken === undefined ? {} : { nextToken }),
    ...(namespace === undefined ? {} : { namespace }),
  })
  await present(io, flags, Items, (style) => jobTable(Items, io.clock.now(), style))
  if (NextToken !== '' && !isForPrograms(flags)) {
    await io.err.write(`There are more: bacalhau job list --next-token ${plainLine(NextToken)}${sameNode(flags)}\n`)
  }
  return 0
}

function jobTable(jobs: readonly Job[], now: number, style: Style): string {
  if (jobs.length === 0) return 'No jobs yet. Run one: bacalhau run job.yaml\n'
  return formatTable(
    COLUMNS,
    jobs.map((job) => [
      formatAgo(fromNanoseconds(job.CreateTime), now),
      shortId(job.ID),
      job.Name === job.ID ? '' : plainLine(job.Name),
      plainLine(job.Tasks[0]?.Engine.Type ?? ''),
      plainLine(job.Type),
      paintState(plainLine(job.State.StateType), style),
    ]),
  )
}
