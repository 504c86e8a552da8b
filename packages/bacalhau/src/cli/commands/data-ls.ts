import { formatBytes } from '@bacalhau/models/units'
import type { dataLsFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatTable } from '../terminal/table.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof dataLsFlags>): Promise<number> {
  const source = (args[0] ?? '').replace(/^ipfs:\/\/|^\/ipfs\//, '').replace(/\/+$/, '')
  const client = await connect(io, flags)
  const entries = await client.data.ls(source, { signal })
  await present(io, flags, entries, () =>
    formatTable(
      [{ title: 'CID' }, { title: 'SIZE', align: 'right' }, { title: 'NAME' }],
      entries.map(({ CID, Bytes, Name, Type }) => [
        plainLine(CID),
        Type === 'file' ? formatBytes(Bytes) : '',
        `${plainLine(Name)}${Type === 'directory' ? '/' : ''}`,
      ]),
    ),
  )
  return 0
}
