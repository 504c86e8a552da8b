import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Libp2p, type PeerDiscoveryEvents, TypedEventEmitter } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { silentLogger } from '../runtime/logger.ts'
import { sendAll } from './byte-stream.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { startTestHost, untilPeers } from './fixtures/test-host.ts'
import { connectToFound, loadExtras } from './host-features.ts'
import { handleProtocol, openStream } from './protocol.ts'

/** Resolves when `host` can be reached through a relay. */
function untilRelayed(host: Libp2p): Promise<string> {
  return new Promise((resolve) => {
    const check = () => {
      const relayed = host
        .getMultiaddrs()
        .map(String)
        .find((address) => address.includes('/p2p-circuit'))
      if (relayed !== undefined) resolve(relayed)
    }
    host.addEventListener('self:peer:update', check)
    check()
  })
}

test('nothing is loaded that was not asked for', async () => {
  const extras = await loadExtras({})
  assert.deepEqual(extras, { listen: [], transports: [], discovery: [], services: {} })
})

test('each feature adds its part', async () => {
  const extras = await loadExtras({ relay: true, relayServer: true, autonat: true, upnp: true, mdns: true })
  assert.deepEqual(Object.keys(extras.services).sort(), ['autonat', 'dcutr', 'relayServer', 'upnp'])
  assert.deepEqual([extras.listen, extras.transports.length, extras.discovery.length], [['/p2p-circuit'], 1, 1])
})

test('a node that accepts no connections is reached through a relay, for the protocols that allow it', async (t) => {
  const relay = await startTestHost(t, 0, { relayServer: true })
  const hidden = await startTestHost(t, 1, { listen: [], relay: true })
  const client = await startTestHost(t, 2, { relay: true })
  const echo = { logger: silentLogger, overRelay: true }
  await handleProtocol(hidden, '/test/small', (stream) => sendAll(stream, stream.receive()), echo)
  await handleProtocol(hidden, '/test/bulk', (stream) => sendAll(stream, stream.receive()), { logger: silentLogger })
  await hidden.dial(relay.getMultiaddrs())
  await client.dial(multiaddr(await untilRelayed(hidden)))
  const stream = await openStream(client, fixtureKey(1).peerId, '/test/small', { overRelay: true })
  await sendAll(stream, [Buffer.from('through the relay')])
  assert.equal(Buffer.concat(await Array.fromAsync(stream.receive())).toString(), 'through the relay')
  await assert.rejects(openStream(client, fixtureKey(1).peerId, '/test/bulk'), { code: 'PeerUnreachable' })
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
