import type { agentNodeFlags } from '../catalogue/agent.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { presentObject } from '../present.ts'

export async function run({ flags, io, signal }: Invocation<typeof agentNodeFlags>): Promise<number> {
  const client = await connect(io, flags)
  await presentObject(io, flags, await client.agent.node({ signal }))
  return 0
}
