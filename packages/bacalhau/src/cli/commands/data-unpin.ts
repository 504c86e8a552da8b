import type { dataUnpinFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof dataUnpinFlags>): Promise<number> {
  const [CID = ''] = args
  const client = await connect(io, flags)
  await client.data.unpin(CID, { signal })
  await present(
    io,
    flags,
    { CID },
    () => `${plainLine(CID)} is no longer kept; \`bacalhau data gc\` frees its space.\n`,
  )
  return 0
}
