import { connect } from '../connection.ts'
import type { Io } from '../io.ts'
import { loadSettings, type SettingFlags } from '../settings.ts'
import { isBacalhauError } from '../../runtime/error.ts'
import { checkDocker, checkIpfs } from './engines.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { checkFolder, checkNode, checkStore } from './machine.ts'
import { checkApi, checkClock, checkCredential, checkPorts, findNode } from './node-here.ts'
import { checkPeers } from './peers.ts'

/**
 * Looks at everything that a node or a command of this machine needs. Changes nothing, and calls nobody whom the user has not
 * named: the node where commands look for it, the peers, Docker and IPFS that are configured.
 */
export async function examine(io: Io, flags: SettingFlags, signal: AbortSignal): Promise<readonly Finding[]> {
  const here = [checkNode(process.versions.node)]
  const loaded = await loadSettings(io, flags).catch((error: unknown) => {
    if (isBacalhauError(error)) return fail('Configuration', error.message, error.hint ?? 'Correct it, then ask again.')
    throw error
  })
  // Without knowing what is wanted there is nothing to compare with.
  if ('status' in loaded) return [...here, loaded]
  const { settings, origins, warnings } = loaded
  const configuration =
    warnings.length === 0 ? [ok('Configuration', 'can be read')] : warnings.map((text) => warn('Configuration', text))
  const client = await connect(io, flags)
  const node = await findNode(client, () => io.clock.now(), signal)
  const chosen = origins.apiHost !== 'default' || origins.apiPort !== 'default'
  const [folder, ports, store, peers, docker, ipfs] = await Promise.all([
    checkFolder(settings.dataDir),
    checkPorts(settings, node),
    checkStore(settings.dataDir, settings.swarmPort, node !== undefined),
    checkPeers(settings.peers, origins.peers),
    checkDocker(io.env),
    checkIpfs(io.env),
  ])
  const access = node === undefined ? [] : [await checkCredential(client, signal), checkClock(node.ahead)]
  const api = checkApi(client.baseUrl, node, chosen)
  return [...here, ...configuration, ...folder, store, ...ports, api, ...access, ...peers, docker, ipfs]
}
