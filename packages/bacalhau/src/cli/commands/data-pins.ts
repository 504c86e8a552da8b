import type { dataPinsFlags } from '../catalogue/data.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ flags, io, signal }: Invocation<typeof dataPinsFlags>): Promise<number> {
  const client = await connect(io, flags)
  const pins = await client.data.pins({ signal })
  await present(io, flags, pins, () => pins.map((cid) => `${plainLine(cid)}\n`).join(''))
  return 0
}
