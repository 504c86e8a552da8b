import { timingSafeEqual } from 'node:crypto'
import type { Verdict } from '../link/post-office.ts'

/**
 * How a compute node becomes a member: with the join token, whoever comes, or only when an operator says so. Nodes of this
 * machine always do, except with `manual`.
 */
export type NodeApproval = 'token' | 'auto' | 'manual'

export interface Applicant {
  readonly sameMachine: boolean
  readonly joinToken?: string | undefined
}

export interface Decision {
  readonly membership: Verdict
  /** What the operator of the compute node should know. */
  readonly message: string
}

export interface MembershipPolicy {
  readonly approval: NodeApproval
  readonly joinToken: string
}

/** Decides about a compute node that presents itself. What an operator has decided about it goes before all else. */
export function decideMembership(
  { sameMachine, joinToken }: Applicant,
  { approval, joinToken: secret }: MembershipPolicy,
  decided?: Decision,
): Decision {
  if (decided !== undefined) return decided
  if (approval === 'auto') return { membership: 'APPROVED', message: 'this orchestrator takes every node' }
  if (approval === 'manual') {
    return {
      membership: 'PENDING',
      message: 'the operator of the orchestrator has to approve the node (bacalhau node approve <its id>)',
    }
  }
  if (sameMachine) return { membership: 'APPROVED', message: 'the node is on the same machine' }
  if (joinToken !== undefined && equal(joinToken, secret))
    return { membership: 'APPROVED', message: 'the join token is right' }
  const problem = joinToken === undefined ? 'the node has shown no join token' : 'the join token is wrong'
  return {
    membership: 'PENDING',
    message: `${problem}; start the node with the line that the orchestrator prints when it starts (--join-token)`,
  }
}

/** Compares in constant time, whatever the lengths. A wrong token counts as none. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
