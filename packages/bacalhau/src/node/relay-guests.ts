import type { Libp2p } from '@libp2p/interface'
import { INTRODUCTION_PROTOCOL, knowsToken, serveIntroductions } from '../link/facts/introduction.ts'
import { openConnections } from '../network/connections.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import type { Services } from './services.ts'

export interface RelayGuestsOptions {
  readonly config: Pick<NodeConfig, 'joinToken' | 'relay' | 'mdns' | 'roles'>
  readonly host: Libp2p
  readonly services: Pick<Services, 'logger' | 'random'>
}

/**
 * Peers that have shown a relay that they know its join token. An orchestrator knows its members; a relay that orchestrates nothing
 * asks each peer for this proof instead. A node gives it only to peers that it has connected to, never the token itself.
 */
export async function openRelayGuests(options: RelayGuestsOptions, scope: Scope): Promise<(peerId: string) => boolean> {
  const { config, host, services } = options
  const { joinToken: token } = config
  if (token === undefined) return () => false
  // With discovery in the local network, an orchestrator answers everyone already: see `discovery.ts`.
  if (!(config.mdns && config.roles.orchestrator)) {
    const isOurs = (peer: string) => openConnections(host, peer).some(({ direction }) => direction === 'outbound')
    scope.own(await serveIntroductions(host, token, services.logger, isOurs))
  }
  return config.relay === true ? askGuests(options, token, scope) : () => false
}

function askGuests({ host, services }: RelayGuestsOptions, token: string, scope: Scope): (peerId: string) => boolean {
  const guests = new Set<string>()
  const abort = new AbortController()
  const { signal } = abort
  scope.defer(() => abort.abort(new Error('the node is stopping')))
  host.addEventListener(
    'peer:identify',
    ({ detail: { peerId, protocols } }) => {
      const peer = peerId.toString()
      if (guests.has(peer) || !protocols.includes(INTRODUCTION_PROTOCOL)) return
      knowsToken(host, peer, token, services.random, signal)
        .then((knows) => knows && guests.add(peer))
        .catch(() => undefined)
    },
    { signal },
  )
  host.addEventListener('peer:disconnect', ({ detail }) => void guests.delete(detail.toString()), { signal })
  return (peer) => guests.has(peer)
}
