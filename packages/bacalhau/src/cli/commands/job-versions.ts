import type { Job } from '@bacalhau/models'
import type { jobVersionsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { column, presentTable, type TableColumn, wideColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import { formatMoment, fromNanoseconds } from '../terminal/time.ts'

const COLUMNS: readonly TableColumn<Job>[] = [
  column('CREATED AT', (job) => formatMoment(fromNanoseconds(job.ModifyTime))),
  column('JOB VERSION', (job) => String(job.Version)),
  column('STATE', (job, look) => paintState(plainLine(job.State.StateType), look.style)),
  wideColumn('REASON', (job) => plainLine(job.State.Message ?? '')),
]

export async function run({ args, flags, io, signal }: Invocation<typeof jobVersionsFlags>): Promise<number> {
  const [id = ''] = args
  const { namespace } = flags
  const client = await connect(io, flags)
  const versions = await client.jobs.versions(id, { signal, ...(namespace === undefined ? {} : { namespace }) })
  await presentTable(io, flags, versions, COLUMNS)
  return 0
}
