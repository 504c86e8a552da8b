import { nodeFolder } from '../node/node-folder.ts'
import type { Io } from './io.ts'
import { loadSettings, type SettingFlags } from './settings.ts'

/** The file of the store of the node that the settings of this machine describe. */
export async function storeHere(
  io: Io,
  flags: SettingFlags & { readonly 'swarm-port': number | undefined },
): Promise<string> {
  const port = flags['swarm-port']
  const given = port === undefined ? {} : { swarmPort: { flag: 'swarm-port', value: String(port) } }
  const { settings } = await loadSettings(io, flags, given)
  return nodeFolder(settings.dataDir, settings.swarmPort).store
}
