import { ApiError, type Client } from '@bacalhau/client'
import { VERSION } from '../../runtime/version.ts'
import type { versionFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatFields } from '../terminal/table.ts'

export async function run({ flags, io, signal }: Invocation<typeof versionFlags>): Promise<number> {
  const clientVersion = { GitVersion: `v${VERSION}` }
  if (flags.client) {
    await present(io, flags, { clientVersion }, () => `${VERSION}\n`)
    return 0
  }
  const client = await connect(io, flags)
  const serverVersion = await versionOf(client, signal)
  const server = serverVersion?.GitVersion.replace(/^v/, '') ?? `no answer at ${client.baseUrl}`
  await present(io, flags, serverVersion === undefined ? { clientVersion } : { clientVersion, serverVersion }, () =>
    formatFields([
      ['Client', VERSION],
      ['Server', plainLine(server)],
    ]),
  )
  return 0
}

/** The node's version; undefined when no node answers, which is no error here: the question has half of its answer. */
async function versionOf(client: Client, signal: AbortSignal) {
  try {
    return await client.agent.version({ signal })
  } catch (error) {
    if (error instanceof ApiError && error.code === 'Unreachable') return undefined
    throw error
  }
}
