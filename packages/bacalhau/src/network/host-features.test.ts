import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PeerDiscoveryEvents, TypedEventEmitter } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { fixtureKey } from './fixtures/keys.ts'
import { startTestHost, untilPeers } from './fixtures/test-host.ts'
import { connectToFound, loadExtras } from './host-features.ts'

test('nothing is loaded that was not asked for', async () => {
  const extras = await loadExtras({})
  assert.deepEqual(extras, { discovery: [], services: {} })
})

test('each feature adds its part', async () => {
  const extras = await loadExtras({ upnp: true, mdns: true })
  assert.deepEqual([Object.keys(extras.services), extras.discovery.length], [['upnp'], 1])
})

test('peers that are found on the local network are connected to', async (t) => {
  const found = await startTestHost(t, 0)
  const finder = await startTestHost(t, 1)
  const discovery = new TypedEventEmitter<PeerDiscoveryEvents>()
  connectToFound(discovery, (addresses) => finder.dial(addresses))
  const announce = (multiaddrs: Multiaddr[]) =>
    discovery.dispatchEvent(new CustomEvent('peer', { detail: { id: found.peerId, multiaddrs } }))
  announce([multiaddr('/ip4/127.0.0.1/tcp/1')])
  announce(found.getMultiaddrs().map((address) => address.decapsulate('/p2p')))
  await untilPeers(finder, 1)
  assert.equal(finder.getPeers()[0]?.toString(), fixtureKey(0).peerId)
})
