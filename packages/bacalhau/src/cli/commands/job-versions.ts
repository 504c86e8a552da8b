import type { Job } from '@bacalhau/models'
import type { jobVersionsFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatTable } from '../terminal/table.ts'
import { formatMoment, fromNanoseconds } from '../terminal/time.ts'

const COLUMNS = ['VERSION', 'MODIFIED (UTC)', 'STATE', 'REASON'].map((title) => ({ title }))

export async function run({ args, flags, io, signal }: Invocation<typeof jobVersionsFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const namespace = flags.namespace === undefined ? {} : { namespace: flags.namespace }
  const versions = await client.jobs.versions(id, { ...namespace, signal })
  await present(io, flags, versions, (style) => versionTable(versions, style))
  return 0
}

const versionTable = (versions: readonly Job[], style: Style): string =>
  formatTable(
    COLUMNS,
    versions.map(({ Version, ModifyTime, State }) => [
      String(Version),
      formatMoment(fromNanoseconds(ModifyTime)),
      paintState(plainLine(State.StateType), style),
      plainLine(State.Message ?? ''),
    ]),
  )
