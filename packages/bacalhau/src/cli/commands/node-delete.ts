import type { nodeDeleteFlags } from '../catalogue/membership.ts'
import type { Invocation } from '../command.ts'
import { decideNode } from '../node/decide-node.ts'

export const run = (invocation: Invocation<typeof nodeDeleteFlags>): Promise<number> =>
  decideNode('delete', 'is forgotten', invocation)
