import type { peerAddFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof peerAddFlags>): Promise<number> {
  const [address = ''] = args
  const client = await connect(io, flags)
  const peer = await client.peers.add(address, { signal })
  const next = peer.State === 'self' ? 'It is this node itself.' : 'How it goes: `bacalhau peer list`.'
  await present(io, flags, peer, () => `${plainLine(peer.Peer)} is kept from now on. ${next}\n`)
  return 0
}
