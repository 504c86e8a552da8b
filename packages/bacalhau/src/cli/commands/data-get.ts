import path from 'node:path'
import type { dataGetFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { download } from '../transfer/download.ts'
import { transferWorld } from '../transfer/transfer-world.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof dataGetFlags>): Promise<number> {
  const [written = '', folder] = args
  const source = written.replace(/^ipfs:\/\/|^\/ipfs\//, '').replace(/\/+$/, '')
  const client = await connect(io, flags)
  const target = path.resolve(io.cwd, folder ?? path.posix.basename(source))
  const [place = target] = await download(client, [{ source, target }], transferWorld({ io, flags, signal }))
  await present(io, flags, { Path: place }, () => `${plainLine(place)}\n`)
  return 0
}
