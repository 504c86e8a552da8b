import type { ConversationClaim, Receipt } from '@bacalhau/models'
import type { Misfit } from './outbox.ts'

/** What the orchestrator knows of its conversation with a node. */
export interface Standing {
  readonly conversation: string
  /** Generation of the node's store when the conversation began. */
  readonly generation: string
  /** Whether the node can have received this of what was sent to it. */
  misfit(received: Receipt): Misfit | undefined
}

/** What a node says of it in its hello. */
export interface Claim {
  readonly storeGeneration: string
  readonly conversation?: ConversationClaim | undefined
}

export type Handshake = { readonly resume: Receipt } | { readonly reset: string }

/**
 * Goes on with a conversation, or says why it has to begin anew. Rules, the first that fits:
 *
 * | the orchestrator knows no conversation                            | reset |
 * | the node's store is another one than before                       | reset |
 * | the node claims no conversation (or has found that it cannot fit) | reset |
 * | the node claims another conversation                              | reset |
 * | the node has received more than was sent (our store is older)     | reset |
 * | the node has received less than it acknowledged (its store is)    | reset |
 * | the node has received something else under that number (both are) | reset |
 * | otherwise                                                         | resume after what the node has received |
 *
 * The node checks the last three the other way round, against what the orchestrator says to have received in its welcome;
 * when that does not fit it ends the link, and claims no conversation in its next hello.
 */
export function shakeHands(standing: Standing | undefined, claim: Claim): Handshake {
  if (standing === undefined) return { reset: 'there was no conversation with this node' }
  if (standing.generation !== claim.storeGeneration) return { reset: 'the node has another store than before' }
  if (claim.conversation === undefined) return { reset: 'the node knows of no conversation' }
  const { id, received } = claim.conversation
  if (id !== standing.conversation) return { reset: 'the node knows another conversation' }
  const misfit = standing.misfit(received)
  return misfit === undefined ? { resume: received } : { reset: `the node has received ${misfit}` }
}
