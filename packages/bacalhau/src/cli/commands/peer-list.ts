import type { PeerEntry } from '@bacalhau/models'
import type { peerListFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { latencyText, nextText, stateText } from '../peer/peer-text.ts'
import { column, presentTable, type TableColumn, wideColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'

const COLUMNS = (now: number): readonly TableColumn<PeerEntry>[] => [
  // One that is known by its API only has no ID before it has answered.
  column('ID', ({ PeerID, Peer }, look) => (PeerID === undefined ? plainLine(Peer) : look.id(PeerID))),
  column('STATE', (peer, look) => stateText(peer, look.style)),
  column('REACH', ({ Reach }) => plainLine(Reach)),
  column('LATENCY', ({ LatencyMs }) => latencyText(LatencyMs)),
  column('FROM', ({ Origin }) => plainLine(Origin)),
  column('AGENT', ({ Agent }) => plainLine(Agent ?? '-')),
  column('PROTOCOL', ({ Protocol }) => plainLine(Protocol ?? '-')),
  wideColumn('ADDRESS', ({ Peer }) => plainLine(Peer)),
  wideColumn('CONNECTED AT', ({ Address }) => plainLine(Address ?? '')),
  column('NEXT', (peer, look) => look.text(nextText(peer, now), 60)),
]

export async function run({ flags, io, signal }: Invocation<typeof peerListFlags>): Promise<number> {
  const client = await connect(io, flags)
  const peers = await client.peers.list({ signal })
  const none = 'No peers. Add one with `bacalhau peer add <address>`.\n'
  await presentTable(io, flags, peers, COLUMNS(io.clock.now()), none)
  return 0
}
