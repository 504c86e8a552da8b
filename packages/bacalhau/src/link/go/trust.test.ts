import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTrust, type LegacyPeers } from './trust.ts'

const HERE = '/ip4/127.0.0.1/tcp/1235'
const HERE_6 = '/ip6/::1/tcp/1235'
const AWAY = '/ip4/192.0.2.1/tcp/1235'
const RELAYED = '/ip4/127.0.0.1/tcp/1/p2p/QmRelay/p2p-circuit'

/** Who is admitted: a listed one and another one, each from here, from elsewhere, and over a relay that runs here. */
const admitted = (legacyPeers: LegacyPeers) => {
  const trust = createTrust(legacyPeers)
  return ['QmListed', 'QmOther'].map((peer) =>
    [HERE, HERE_6, AWAY, RELAYED].map((address) => (trust.admits({ peer, address }) ? 'y' : '-')).join(''),
  )
}

test('by default those on this machine take part, and nobody is allowed by name', () => {
  assert.deepEqual(admitted('loopback'), ['yy--', 'yy--'])
  assert.equal(createTrust('loopback').isAllowed('QmListed'), false)
})

test('those that are listed take part from anywhere, besides those on this machine', () => {
  assert.deepEqual(admitted(['QmListed']), ['yyyy', 'yy--'])
  const trust = createTrust(['QmListed'])
  assert.deepEqual([trust.isAllowed('QmListed'), trust.isAllowed('QmOther')], [true, false])
})

test('all, or none at all', () => {
  assert.deepEqual(admitted('all'), ['yyyy', 'yyyy'])
  assert.deepEqual(admitted('none'), ['----', '----'])
  const on = (['none', 'loopback', 'all', ['Qm']] satisfies LegacyPeers[]).map((peers) => createTrust(peers).isOn)
  assert.deepEqual(on, [false, true, true, true])
})
