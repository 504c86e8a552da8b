import type { LegacyPeers } from '../../link/go/trust.ts'
import { DEFAULT_PEERS } from '../../network/bootstrap.ts'
import { legacyPeers, peers, port, text, toggle } from '../config-kinds.ts'
import { setting } from './setting.ts'

/** How this node finds others and is found. */
export const SWARM_SETTINGS = {
  joinToken: setting<string | undefined>({
    key: 'Swarm.JoinToken',
    kind: text,
    fallback: undefined,
    secret: true,
    about: 'Secret that approves a compute node; made up by the orchestrator when it has none.',
  }),
  swarmHost: setting({ key: 'Swarm.Host', kind: text, fallback: '0.0.0.0', about: 'Address that libp2p listens on.' }),
  swarmPort: setting({ key: 'Swarm.Port', kind: port, fallback: 1235, about: 'Port that libp2p listens on.' }),
  peers: setting<readonly string[]>({
    key: 'Swarm.Peers',
    kind: peers,
    fallback: DEFAULT_PEERS,
    about: 'Peers to connect to: multiaddrs, or /ip4/…/tcp/1234/http to ask an API, or none.',
  }),
  swarmKey: setting<string | undefined>({
    key: 'Swarm.Key',
    kind: text,
    fallback: undefined,
    about: 'File with the key of a private swarm: only nodes with the same key connect.',
  }),
  legacyPeers: setting<LegacyPeers>({
    key: 'Swarm.LegacyPeers',
    kind: legacyPeers,
    fallback: 'loopback',
    about:
      'Nodes of the Go program (releases 1.0 to 1.3) that are trusted: allow and peer IDs, all, none, or loopback: those on this machine.',
  }),
  mdns: setting({
    key: 'Swarm.MDNS',
    kind: toggle,
    fallback: false,
    about: 'Find nodes in the local network by multicast (mDNS) and connect to them.',
  }),
  upnp: setting({ key: 'Swarm.UPnP', kind: toggle, fallback: false, about: 'Ask the router to open the port.' }),
  relay: setting<boolean | undefined>({
    key: 'Swarm.Relay',
    kind: toggle,
    fallback: undefined,
    about: 'Carry connections between members that cannot reach each other; an orchestrator does so by default.',
  }),
  holePunching: setting({
    key: 'Swarm.HolePunching',
    kind: toggle,
    fallback: true,
    about: 'Replace connections over relays by direct ones, through holes in the routers between.',
  }),
  autonat: setting({
    key: 'Swarm.AutoNAT',
    kind: toggle,
    fallback: true,
    about: 'Ask the peers that this node connects to whether it can be reached, and look for members that ask.',
  }),
} as const
