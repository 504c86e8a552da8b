import type { agentVersionFlags } from '../catalogue/agent.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainText } from '../terminal/plain.ts'

export async function run({ flags, io, signal }: Invocation<typeof agentVersionFlags>): Promise<number> {
  const client = await connect(io, flags)
  const version = await client.agent.version({ signal })
  const { GitVersion, BuildDate, GitCommit } = version
  await present(io, flags, version, () =>
    plainText(`Bacalhau ${GitVersion}\nBuildDate ${BuildDate}\nGitCommit ${GitCommit}\n`),
  )
  return 0
}
