import type { NetworkAnswer } from '@bacalhau/models'
import type { Libp2p } from '@libp2p/interface'
import type { SwarmKey } from '../network/private-swarm/swarm-key.ts'
import { ownReachability } from '../network/reach/reach.ts'
import type { Clock } from '../runtime/clock.ts'
import type { NodeConfig } from './config.ts'
import { listeningAddresses } from './invitation.ts'

export interface NetworkFactsOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly clock: Clock
  readonly swarmKey: SwarmKey | undefined
  readonly apiPort: number
}

/** What this node knows of how others reach it. */
export function networkFacts({ config, host, clock, swarmKey, apiPort }: NetworkFactsOptions): NetworkAnswer {
  const own = ownReachability(host)
  const listening = listeningAddresses(host, config)
  return {
    PeerID: host.peerId.toString(),
    Listening: listening,
    Announced: host.getMultiaddrs().map(String),
    Reachability: own?.verdict ?? 'unknown',
    Confirmed: [...(own?.confirmed ?? [])],
    SeenAs: [...(own?.seenAs ?? [])],
    Mapping: own?.mapping ?? 'unknown',
    Relayed: [...(own?.relayed ?? [])],
    RelayRefusals: Object.fromEntries(own?.refusals ?? []),
    IsRelay: own?.relays !== undefined,
    UPnP: config.upnp,
    MDNS: config.mdns,
    HolePunching: config.holePunching,
    AutoNAT: config.autonat,
    ...(swarmKey === undefined ? {} : { SwarmKey: swarmKey.fingerprint }),
    SwarmPort: Number(/\/tcp\/(\d+)/.exec(listening[0] ?? '')?.[1] ?? config.swarmPort),
    APIHost: config.apiHost,
    APIPort: apiPort,
    Roles: [
      ...(config.roles.orchestrator ? (['orchestrator'] as const) : []),
      ...(config.roles.compute ? (['compute'] as const) : []),
    ],
    Time: new Date(clock.now()).toISOString(),
  }
}
