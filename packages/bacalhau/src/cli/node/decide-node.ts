import type { NodeAction } from '@bacalhau/models'
import type { decisionFlags } from '../catalogue/membership.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { shortId } from '../job/short-id.ts'
import { present } from '../present.ts'

/** Tells the orchestrator what its operator has decided about a node, and the operator in these words that it is done. */
export async function decideNode(
  action: NodeAction,
  words: string,
  { args, flags, io, signal }: Invocation<typeof decisionFlags>,
): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  // By its full id, since a beginning of it could mean another node a moment later.
  const { Info } = await client.nodes.get(id, { signal })
  const message = flags.message === undefined ? {} : { message: flags.message }
  await client.nodes[action](Info.NodeID, { ...message, signal })
  await present(io, flags, { NodeID: Info.NodeID, Action: action }, () => `Node ${shortId(Info.NodeID)} ${words}.\n`)
  return 0
}
