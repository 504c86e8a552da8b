import { timingSafeEqual } from 'node:crypto'

/** How a compute node becomes a member: with the join token, or whoever comes. Nodes of this machine always do. */
export type NodeApproval = 'token' | 'auto'

export interface Applicant {
  readonly sameMachine: boolean
  readonly joinToken: string | undefined
}

export interface Decision {
  readonly membership: 'APPROVED' | 'PENDING'
  /** What the operator of the compute node should know. */
  readonly message: string
}

/** Decides about a compute node that presents itself. A wrong token counts as none. */
export function decideMembership(
  { sameMachine, joinToken }: Applicant,
  approval: NodeApproval,
  secret: string,
): Decision {
  if (approval === 'auto') return { membership: 'APPROVED', message: 'this orchestrator takes every node' }
  if (sameMachine) return { membership: 'APPROVED', message: 'the node is on the same machine' }
  if (joinToken !== undefined && equal(joinToken, secret))
    return { membership: 'APPROVED', message: 'the join token is right' }
  const problem = joinToken === undefined ? 'the node has shown no join token' : 'the join token is wrong'
  return {
    membership: 'PENDING',
    message: `${problem}; start the node with the line that the orchestrator prints when it starts (--join-token)`,
  }
}

/** Compares in constant time, whatever the lengths. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
