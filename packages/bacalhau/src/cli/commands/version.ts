import type { Client } from '@bacalhau/client'
import { VERSION } from '../../runtime/version.ts'
import type { versionFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { column, presentTable, type TableColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'

interface Versions {
  readonly clientVersion: { readonly GitVersion: string }
  readonly serverVersion?: { readonly GitVersion: string }
}

const CLIENT = column<Versions>('CLIENT', ({ clientVersion }) => clientVersion.GitVersion)
const SERVER = column<Versions>('SERVER', ({ serverVersion }) => plainLine(serverVersion?.GitVersion ?? ''))

/** Milliseconds that a node may take to answer. */
const PATIENCE = 3_000

export async function run({ flags, io, signal }: Invocation<typeof versionFlags>): Promise<number> {
  const clientVersion = { GitVersion: `v${VERSION}` }
  let versions: Versions = { clientVersion }
  let columns: readonly TableColumn<Versions>[] = [CLIENT]
  if (!flags.client) {
    const { connect } = await import('../connection.ts')
    const client = await connect(io, flags)
    const serverVersion = await versionOf(client, signal)
    if (serverVersion === undefined) await io.err.write(`Warning: no answer at ${plainLine(client.baseUrl)}\n`)
    else versions = { clientVersion, serverVersion }
    columns = [CLIENT, SERVER]
  }
  // One object, not a list of one, for programs.
  if (flags.output === 'json' || flags.output === 'yaml') await present(io, flags, versions, () => '')
  else await presentTable(io, flags, [versions], columns)
  return 0
}

/** The node's version; undefined when no node answers, which is no error here: the question has half of its answer. */
async function versionOf(client: Client, signal: AbortSignal) {
  try {
    return await client.agent.version({ signal, timeout: PATIENCE })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'Unreachable' || code === 'TimeOut') return undefined
    throw error
  }
}
