import type { nodeApproveFlags } from '../catalogue/membership.ts'
import type { Invocation } from '../command.ts'
import { decideNode } from '../node/decide-node.ts'

export const run = (invocation: Invocation<typeof nodeApproveFlags>): Promise<number> =>
  decideNode('approve', 'is approved', invocation)
