import { loadNodeKey } from '../../network/key-file.ts'
import { loadUserKey } from '../../network/user-key.ts'
import type { idFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { loadSettings } from '../settings.ts'
import { formatTable } from '../terminal/table.ts'

export async function run({ io, flags }: Invocation<typeof idFlags>): Promise<number> {
  const port = flags['swarm-port']
  const given = port === undefined ? {} : { swarmPort: { flag: 'swarm-port', value: String(port) } }
  const { settings } = await loadSettings(io, flags, given)
  const node = await loadNodeKey(settings.dataDir, settings.swarmPort)
  const user = await loadUserKey(settings.dataDir)
  for (const warning of [...node.warnings, ...user.warnings]) await io.err.write(`Warning: ${warning}\n`)
  const ids = { ID: node.peerId, ClientID: user.clientId }
  await present(io, { ...flags, output: flags.output ?? 'json' }, ids, () =>
    formatTable([{ title: 'ID' }, { title: 'CLIENT ID' }], [[ids.ID, ids.ClientID]]),
  )
  return 0
}
