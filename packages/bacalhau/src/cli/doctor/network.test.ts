import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NetworkAnswer, PeerEntry } from '@bacalhau/models'
import { networkAnswer, PEER_ID } from '../../api/testing/api.ts'
import { examineNetwork } from './network.ts'

const PUBLIC = `/ip4/203.0.113.7/tcp/1235/p2p/${PEER_ID}`
const NOW = Date.parse('2026-01-01T00:00:00Z')

const good: NetworkAnswer = { ...networkAnswer(PUBLIC), SeenAs: ['/ip4/203.0.113.7/tcp/1235'] }
const peer: PeerEntry = {
  Peer: PUBLIC,
  PeerID: PEER_ID,
  Origin: 'config',
  State: 'connected',
  Reach: 'direct',
  LatencyMs: 12,
}

/** Status and text of one check. */
function found(check: string, network: Partial<NetworkAnswer>, peers: readonly PeerEntry[] = [peer]) {
  const findings = examineNetwork({ ...good, ...network }, peers, NOW).filter((finding) => finding.check === check)
  return findings.map(({ status, message, hint = '' }) => `${status}: ${message} ${hint}`.trim()).join('\n')
}

describe('network doctor', () => {
  test('finds nothing to do where all is well', () => {
    const findings = examineNetwork(good, [peer], NOW)
    assert.deepEqual([...new Set(findings.map(({ status }) => status))], ['ok'])
    assert.equal(found('Peer', {}), 'ok: QmdZQ7Zbhn is connected (direct, 12 ms)')
    assert.match(found('Reachable', {}), /^ok: peers have dialled back: \/ip4\/203\.0\.113\.7\/tcp\/1235/)
  })

  const Listening = [`/ip4/127.0.0.1/tcp/1235/p2p/${PEER_ID}`]
  const CASES: readonly [check: string, network: Partial<NetworkAnswer>, text: RegExp][] = [
    ['Listening', { Listening: [] }, /^fail: .*--swarm-host/],
    ['Listening', { Listening }, /^warn: .*only for programs of this machine.*--swarm-host 0\.0\.0\.0/],
    ['Listening', { SwarmPort: 2235 }, /^ok: .*Go nodes .* port 1235/],
    ['Reachable', { Reachability: 'unknown', Listening }, /^ok: from this machine/],
    ['Reachable', { Reachability: 'unknown' }, /^warn: .*no peer has tried.*peer add/],
    ['Reachable', { Reachability: 'unknown', AutoNAT: false }, /^warn: .*--autonat/],
    ['Reachable', { Reachability: 'unknown', Roles: ['compute'] }, /^ok/],
    ['Reachable', { Reachability: 'unreachable' }, /^fail: .*Open TCP port 1235 .*--upnp/],
    ['Reachable', { Reachability: 'unreachable', UPnP: true }, /^fail: .*in vain/],
    [
      'Reachable',
      { Reachability: 'unreachable', Relayed: ['/ip4/192.0.2.9/tcp/1/p2p/R/p2p-circuit'] },
      /^ok: .*relays/,
    ],
    ['Reachable', { Reachability: 'unreachable', Roles: ['compute'] }, /^ok: .*opens the connections/],
    ['Announced', { Announced: [], SeenAs: [] }, /^warn: no address/],
    ['NAT', { Mapping: 'varies' }, /^warn: .*cannot be punched.*--upnp/],
    ['NAT', { Mapping: 'unknown', UPnP: true }, /^ok: .*two peers.*UPnP/],
    ['NAT', { HolePunching: false }, /^ok: hole punching is off/],
    [
      'Relay',
      { RelayRefusals: { QmRelay: 'not a member' } },
      /warn: QmRelay does not carry this node: not a member.*approve/,
    ],
    ['API', { APIHost: '127.0.0.1' }, /^ok: .*only/],
    ['API', {}, /^ok: .*\/tcp\/1234\/http/],
    ['Swarm key', { SwarmKey: 'abcd' }, /abcd: a private swarm/],
    ['Clock', { Time: '2026-01-01T01:00:00.000Z' }, /^fail: .*NTP/],
  ]
  for (const [check, network, text] of CASES) {
    test(`${check}: ${JSON.stringify(network)}`, () => assert.match(found(check, network), text))
  }

  test('tells of each peer that is not connected why, and when it is tried again', () => {
    const LastError = { Code: 'SwarmKeyMismatch', Message: 'it has no swarm key', Hint: 'Give it one.' }
    const RetryAt = '2026-01-01T00:00:07.000Z'
    const waiting: PeerEntry = { ...peer, State: 'waiting', Reach: 'none', RetryAt, LastError }
    assert.equal(
      found('Peer', {}, [waiting]),
      'fail: QmdZQ7Zbhn is not connected: tried again in 7 s; it has no swarm key Give it one.',
    )
    assert.match(found('Peers', {}, []), /^warn: none Add one/)
    assert.match(found('Peer', {}, [{ ...peer, State: 'self' }]), /^ok: .*this node itself/)
    const { PeerID: _, ...unknown } = { ...peer, State: 'connecting' as const }
    assert.match(found('Peer', {}, [unknown]), /^warn: .*connecting/)
  })

  test('what a node says cannot move the cursor of the terminal', () => {
    const findings = examineNetwork({ ...good, SwarmKey: '\u001b[2J', RelayRefusals: { '\u001b': '\u0007' } }, [], NOW)
    assert.doesNotMatch(JSON.stringify(findings), /\\u00(1b|07)/)
  })
})
