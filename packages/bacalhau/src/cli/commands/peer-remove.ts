import type { peerRemoveFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof peerRemoveFlags>): Promise<number> {
  const [peer = ''] = args
  const client = await connect(io, flags)
  const removed = await client.peers.remove(peer, { signal })
  await present(io, flags, removed, () => `${plainLine(removed.Peer)} is let go.\n`)
  return 0
}
