import type { NetworkAnswer, PeerEntry } from '@bacalhau/models'
import { latencyText, nextText } from '../peer/peer-text.ts'
import { shortId } from '../job/short-id.ts'
import { plainLine } from '../terminal/plain.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { checkClock } from './node-here.ts'

/** What a node and its peers know of how others reach it, each with what to do about it. `now` is the time of this machine. */
export function examineNetwork(network: NetworkAnswer, peers: readonly PeerEntry[], now: number): Finding[] {
  return [
    checkListening(network),
    checkReachability(network),
    checkAnnounced(network),
    checkNat(network),
    ...checkRelays(network),
    checkApi(network),
    ok('Swarm key', keyText(network)),
    checkClock(Date.parse(network.Time) - now),
    ...checkPeers(peers, now),
  ]
}

const list = (addresses: readonly string[]): string => plainLine(addresses.map(withoutId).join(', '))
const withoutId = (address: string): string => address.replace(/\/p2p\/[^/]+$/, '')
const isLocal = (address: string): boolean => /^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address)

/** A node that orchestrates has to be reached; one that only computes opens its connections itself. */
const isWaitedFor = ({ Roles }: NetworkAnswer): boolean => Roles.includes('orchestrator')

function checkListening({ Listening, SwarmPort }: NetworkAnswer): Finding {
  if (Listening.length === 0)
    return fail('Listening', 'at no address', 'Restart the node: bacalhau serve --swarm-host 0.0.0.0')
  if (Listening.every(isLocal)) {
    const hint = 'For others, let it listen on all interfaces: bacalhau serve --swarm-host 0.0.0.0'
    return warn('Listening', `at ${list(Listening)}: only for programs of this machine`, hint)
  }
  const go = SwarmPort === 1235 ? '' : '; Go nodes that are given the /http form of the address look at port 1235'
  return ok('Listening', `at ${list(Listening)}${go}`)
}

function checkReachability(network: NetworkAnswer): Finding {
  const { Reachability, Confirmed, Relayed, AutoNAT, Listening } = network
  const check = 'Reachable'
  if (Reachability === 'reachable') return ok(check, `peers have dialled back: ${list(Confirmed)}`)
  if (Reachability === 'unknown') {
    if (Listening.every(isLocal)) return ok(check, 'from this machine')
    const hint = AutoNAT
      ? 'Peers that the node is connected to try it; connect to one elsewhere: bacalhau peer add <address>'
      : 'Switch on what asks peers for it: bacalhau serve --autonat'
    return (isWaitedFor(network) ? warn : ok)(check, 'not known: no peer has tried yet', hint)
  }
  if (Relayed.length > 0) return ok(check, 'not directly, but over relays')
  if (!isWaitedFor(network)) return ok(check, 'not from outside; it opens the connections to its peers itself')
  return fail(check, 'peers have tried, and could not', openPort(network))
}

function openPort({ SwarmPort, UPnP }: NetworkAnswer): string {
  const ask = UPnP ? 'the router was asked to forward it, in vain' : 'or have the router do so: bacalhau serve --upnp'
  return `Open TCP port ${SwarmPort} in the firewall and forward it in the router (${ask}), or give the node a relay as a peer.`
}

function checkAnnounced({ Announced, SeenAs }: NetworkAnswer): Finding {
  const seen = SeenAs.length === 0 ? '' : `; peers see it as ${list(SeenAs)}`
  if (Announced.length === 0)
    return warn('Announced', `no address${seen}`, 'Others cannot dial the node by what it tells.')
  return ok('Announced', `${list(Announced)}${seen}`)
}

function checkNat({ Mapping, HolePunching, UPnP }: NetworkAnswer): Finding {
  const upnp = UPnP ? '; the router was asked to forward the port (UPnP)' : ''
  if (!HolePunching) return ok('NAT', `hole punching is off${upnp}`)
  switch (Mapping) {
    case 'same':
      return ok('NAT', `the router gives every peer the same address: holes can be punched${upnp}`)
    case 'varies': {
      const hint =
        'Connections to nodes behind such routers go over a relay. Forward the port, or try bacalhau serve --upnp.'
      return warn('NAT', `the router gives each peer another address: holes cannot be punched${upnp}`, hint)
    }
    case 'unknown':
      return ok('NAT', `not known: that takes two peers elsewhere${upnp}`)
  }
}

function checkRelays({ Relayed, RelayRefusals, IsRelay }: NetworkAnswer): Finding[] {
  const refusals = Object.entries(RelayRefusals).map(([peer, reason]) =>
    warn('Relay', `${shortId(plainLine(peer))} does not carry this node: ${plainLine(reason)}`, REFUSED),
  )
  const carries = IsRelay ? 'carries connections of members' : 'carries nobody'
  const carried = Relayed.length === 0 ? 'needs none, or has none' : `is carried by ${list(Relayed)}`
  return [ok('Relay', `the node ${carries}; it ${carried}`), ...refusals]
}

const REFUSED = 'Its operator approves this node (`bacalhau node approve`), or names it as a peer.'

function checkApi({ APIHost, APIPort }: NetworkAnswer): Finding {
  const isHere = /^(?:127\.|::1$|localhost$)/.test(APIHost)
  if (!isHere)
    return ok(
      'API',
      `port ${APIPort} tells others its peer ID: they can be given /ip4/<this machine>/tcp/${APIPort}/http`,
    )
  return ok('API', `on ${plainLine(APIHost)} only: others need the address with the peer ID, not the /http form`)
}

const keyText = ({ SwarmKey }: NetworkAnswer): string =>
  SwarmKey === undefined ? 'none: whoever knows the address can connect' : `${plainLine(SwarmKey)}: a private swarm`

function checkPeers(peers: readonly PeerEntry[], now: number): Finding[] {
  if (peers.length === 0) return [warn('Peers', 'none', 'Add one: bacalhau peer add <address>')]
  return peers.map((peer) => {
    const name = plainLine(peer.PeerID === undefined ? peer.Peer : shortId(peer.PeerID))
    if (peer.State === 'self') return ok('Peer', `${plainLine(peer.Peer)} is this node itself`)
    if (peer.State === 'connected') return ok('Peer', connectedText(name, peer))
    const text = `${name} is not connected: ${nextText(peer, now) || peer.State}`
    return peer.LastError === undefined ? warn('Peer', text) : fail('Peer', text, peer.LastError.Hint ?? GONE)
  })
}

const connectedText = (name: string, { Reach, LatencyMs }: PeerEntry): string =>
  `${name} is connected (${[Reach, ...(LatencyMs === undefined ? [] : [latencyText(LatencyMs)])].join(', ')})`

const GONE = 'Is that node running, is its port open to this machine, and is the address right?'
