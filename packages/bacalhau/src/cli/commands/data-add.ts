import path from 'node:path'
import { formatBytes } from '@bacalhau/models/units'
import type { dataAddFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { isForPrograms, present } from '../present.ts'
import { upload } from '../transfer/upload.ts'
import { transferWorld } from '../transfer/transfer-world.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof dataAddFlags>): Promise<number> {
  const file = path.resolve(io.cwd, args[0] ?? '')
  const client = await connect(io, flags)
  const cidVersion = flags['cid-version'] === '1' ? 1 : 0
  const added = await upload(client, file, { cidVersion, wrap: flags.wrap, ...transferWorld({ io, flags, signal }) })
  await present(io, flags, added, () => `${added.CID}\n`)
  if (!isForPrograms(flags)) {
    await io.err.write(`Added ${added.Files} ${added.Files === 1 ? 'file' : 'files'}, ${formatBytes(added.Bytes)}.\n`)
  }
  return 0
}
