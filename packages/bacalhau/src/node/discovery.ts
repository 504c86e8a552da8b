import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { knowsToken, serveIntroductions } from '../link/facts/introduction.ts'
import { retryPause } from '../network/backoff.ts'
import { sleep } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import type { OrchestratorLinks } from './orchestrator-links.ts'
import type { Services } from './services.ts'

/** A node that is found while it starts does not answer yet, nor does it list what it is going to answer. */
const TRIES = 8

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
  const { clock, logger, random } = services
  const asked = new Set<string>()
  const introduced = new Set<string>()
  const strangers = new Set<string>()
  const abort = new AbortController()
  const { signal } = abort
  scope.defer(() => abort.abort(new Error('the node is stopping')))

  const isHere = (peerId: string) => host.getConnections(peerIdFromString(peerId)).length > 0

  async function ask(peerId: string): Promise<void> {
    for (let failures = 1; failures <= TRIES && isHere(peerId); failures += 1) {
      try {
        const isOurs = await knowsToken(host, peerId, token, random, signal)
        if (!isOurs) return logger.debug({ peerId }, 'a node of the local network has another join token')
        introduced.add(peerId)
        logger.info({ peerId }, 'found an orchestrator in the local network')
        return links.connected(peerId)
      } catch (error) {
        logger.debug({ peerId, error: messageOf(error) }, 'a node of the local network did not introduce itself')
      }
      await sleep(clock, retryPause(failures, random), signal)
    }
  }

  async function meet(peerId: string): Promise<void> {
    if (asked.has(peerId) || introduced.has(peerId) || isWanted(peerId)) return
    asked.add(peerId)
    // Only the end of the node interrupts it.
    await ask(peerId).catch(() => undefined)
    asked.delete(peerId)
  }

  host.addEventListener('peer:identify', ({ detail: { peerId } }) => void meet(peerId.toString()), { signal })
  host.addEventListener(
    'peer:disconnect',
    ({ detail }) => {
      strangers.delete(detail.toString())
      if (introduced.delete(detail.toString())) links.disconnected(detail.toString())
    },
    { signal },
  )
}
