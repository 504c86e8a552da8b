import type { Libp2p } from '@libp2p/interface'
import { INTRODUCTION_PROTOCOL, knowsToken, serveIntroductions } from '../link/facts/introduction.ts'
import { messageOf } from '../runtime/error.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import type { OrchestratorLinks } from './orchestrator-links.ts'
import type { Services } from './services.ts'

export interface DiscoveryOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  /** Of this orchestrator; undefined for a node that only computes. */
  readonly joinToken: string | undefined
  /** Of this compute node. */
  readonly links: OrchestratorLinks | undefined
  /** Was this node pointed at the peer? Such peers need no introduction. */
  readonly isWanted: (peerId: string) => boolean
  readonly services: Services
}

/**
 * With `--discover lan` the host connects to whatever node it finds. Here a compute node takes those for its orchestrators that
 * know its join token: without one it is pointed at its orchestrator by `--peer`, as everywhere.
 */
export async function startDiscovery(options: DiscoveryOptions, scope: Scope): Promise<void> {
  const { config, host, joinToken, links, services } = options
  if (!config.mdns) return
  if (joinToken !== undefined) scope.own(await serveIntroductions(host, joinToken, services.logger))
  if (links === undefined) return
  if (config.joinToken === undefined) {
    services.logger.info({}, 'without a join token no orchestrator of the local network can be told from a stranger')
    return
  }
  followIntroduced(options, links, config.joinToken, scope)
}

function followIntroduced(options: DiscoveryOptions, links: OrchestratorLinks, token: string, scope: Scope): void {
  const { host, isWanted, services } = options
  const { logger, random } = services
  const introduced = new Set<string>()
  const strangers = new Set<string>()
  const abort = new AbortController()
  const { signal } = abort
  scope.defer(() => abort.abort(new Error('the node is stopping')))

  async function meet(peerId: string): Promise<void> {
    if (introduced.has(peerId) || isWanted(peerId)) return
    try {
      if (!(await knowsToken(host, peerId, token, random, signal))) {
        // A node that has or is an orchestrator need not care for those of others. Two dials at once are one stranger.
        const matters = introduced.size === 0 && options.joinToken === undefined && !strangers.has(peerId)
        strangers.add(peerId)
        const level = matters ? 'warn' : 'debug'
        logger[level]({ peerId }, 'an orchestrator of the local network does not know the join token of this node')
        return
      }
      introduced.add(peerId)
      logger.info({ peerId }, 'found an orchestrator in the local network')
      links.connected(peerId)
    } catch (error) {
      logger.debug({ peerId, error: messageOf(error) }, 'a node of the local network did not introduce itself')
    }
  }

  host.addEventListener(
    'peer:identify',
    ({ detail: { peerId, protocols } }) => {
      if (protocols.includes(INTRODUCTION_PROTOCOL)) void meet(peerId.toString())
    },
    { signal },
  )
  host.addEventListener(
    'peer:disconnect',
    ({ detail }) => {
      strangers.delete(detail.toString())
      if (introduced.delete(detail.toString())) links.disconnected(detail.toString())
    },
    { signal },
  )
}
