import type { agentAliveFlags } from '../catalogue/agent.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { presentObject } from '../present.ts'

export async function run({ flags, io, signal }: Invocation<typeof agentAliveFlags>): Promise<number> {
  const client = await connect(io, flags)
  await client.agent.alive({ signal })
  await presentObject(io, flags, { Status: 'OK' })
  return 0
}
