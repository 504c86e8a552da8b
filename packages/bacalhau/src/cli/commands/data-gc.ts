import { formatBytes } from '@bacalhau/models/units'
import type { dataGcFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'

export async function run({ flags, io, signal }: Invocation<typeof dataGcFlags>): Promise<number> {
  const client = await connect(io, flags)
  const freed = await client.data.gc({ signal })
  await present(io, flags, freed, () => `Freed ${formatBytes(freed.Bytes)} in ${freed.Blocks} blocks.\n`)
  return 0
}
