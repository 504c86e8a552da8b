import type { nodeRejectFlags } from '../catalogue/membership.ts'
import type { Invocation } from '../command.ts'
import { decideNode } from '../node/decide-node.ts'

export const run = (invocation: Invocation<typeof nodeRejectFlags>): Promise<number> =>
  decideNode('reject', 'is rejected; what it ran is run elsewhere', invocation)
