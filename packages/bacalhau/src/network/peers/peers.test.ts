import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { silentLogger } from '../../runtime/logger.ts'
import { seededRandom } from '../../runtime/random.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createMemoryStore } from '../../store/memory.ts'
import { fixtureKey } from '../fixtures/keys.ts'
import { startTestHost, untilPeers } from '../fixtures/test-host.ts'
import { parsePeer } from '../peer-address.ts'
import { startPeerKeeper } from '../peer-keeper.ts'
import { createSwarm } from '../swarm.ts'
import { createPeers, loadAddedPeers } from './peers.ts'

const never = new AbortController().signal
const NOWHERE = `/ip4/127.0.0.1/tcp/1/p2p/${fixtureKey(5).peerId}`

async function bench(context: TestContext, configured: readonly string[] = []) {
  const host = await startTestHost(context, 0)
  const store = createMemoryStore()
  const targets = configured.map(parsePeer)
  const keeper = startPeerKeeper({
    targets,
    swarm: createSwarm(host),
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
  })
  context.after(() => keeper.stop())
  const peers = createPeers({ host, store, clock: systemClock, keeper, configured: targets })
  return { host, store, keeper, peers }
}

async function other(context: TestContext, index: number) {
  const host = await startTestHost(context, index)
  return { host, id: host.peerId.toString(), address: String(host.getMultiaddrs()[0]) }
}

describe('the peers of a node', () => {
  test('are listed with how they are reached, those that nobody asked for last', async (context) => {
    const [wanted, guest] = [await other(context, 1), await other(context, 2)]
    const { host, peers } = await bench(context, [wanted.address])
    await untilPeers(host, 1)
    await guest.host.dial(host.getMultiaddrs())
    await untilPeers(host, 2)
    const [first, second] = await peers.list()
    assert.deepEqual(
      [first?.Peer, first?.PeerID, first?.Origin, first?.State, first?.Reach],
      [wanted.address, wanted.id, 'config', 'connected', 'local'],
    )
    assert.match(first?.Address ?? '', /^\/ip4\/127\.0\.0\.1\/tcp\//)
    assert.ok(Date.parse(first?.ConnectedSince ?? '') <= Date.now())
    assert.deepEqual([second?.PeerID, second?.Origin, second?.State], [guest.id, 'connected', 'connected'])
  })

  test('that are added are kept in the store, and named when they cannot be reached', async (context) => {
    const { store, peers, keeper } = await bench(context)
    assert.equal((await peers.add(` ${NOWHERE} `)).Peer, NOWHERE)
    assert.deepEqual(
      (await loadAddedPeers(store, silentLogger)).map(({ text }) => text),
      [NOWHERE],
    )
    while (keeper.status()[0]?.error === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
    const [entry] = await peers.list()
    assert.equal(entry?.LastError?.Code, 'PeerUnreachable')
    assert.equal(entry.Reach, 'none')
    await peers.remove(fixtureKey(5).peerId.slice(0, 8))
    assert.deepEqual(await loadAddedPeers(store, silentLogger), [])
    assert.deepEqual([await peers.list(), keeper.isWanted(fixtureKey(5).peerId)], [[], false])
  })

  test('cannot be added twice, nor removed where the configuration names them, or nobody added them', async (context) => {
    const guest = await other(context, 2)
    const { host, peers } = await bench(context, [NOWHERE])
    await guest.host.dial(host.getMultiaddrs())
    await untilPeers(host, 1)
    await assert.rejects(peers.add(NOWHERE), { code: 'Conflict', message: /already/ })
    await assert.rejects(peers.add('/ip4/127.0.0.1/tcp/1'), { code: 'InvalidMultiaddr' })
    await assert.rejects(peers.remove(NOWHERE), { code: 'Conflict', hint: /--peer/ })
    await assert.rejects(peers.remove(guest.id), { code: 'NotFound', message: /merely connected/ })
    await assert.rejects(peers.remove('Qm'), { code: 'Conflict', message: /several/ })
    await assert.rejects(peers.remove('nobody'), { code: 'NotFound', hint: /peer list/ })
  })

  test('what cannot be read of the store is left out', async () => {
    const store = createMemoryStore()
    await store.commit(['/nonsense', NOWHERE].map((key) => ({ op: 'put', table: 'peer', key, value: { added: 1 } })))
    assert.deepEqual(
      (await loadAddedPeers(store, silentLogger)).map(({ text }) => text),
      [NOWHERE],
    )
  })

  test('answer a ping, by id, its beginning, or an address that is not connected yet', async (context) => {
    const peer = await other(context, 1)
    const { host, peers } = await bench(context)
    const first = await peers.ping(peer.address, never)
    assert.deepEqual([first.PeerID, first.Reach], [peer.id, 'local'])
    assert.ok(first.Milliseconds >= 0)
    for (const name of [peer.id, peer.id.slice(0, 10)]) assert.equal((await peers.ping(name, never)).PeerID, peer.id)
    await assert.rejects(peers.ping(host.peerId.toString(), never), { code: 'BadRequest', message: /itself/ })
    await assert.rejects(peers.ping('nobody', never), { code: 'NotFound' })
    await assert.rejects(peers.ping(NOWHERE, never), { code: 'PeerUnreachable' })
    await assert.rejects(peers.ping(fixtureKey(5).peerId, never), { code: 'PeerUnreachable' })
  })

  test('that are kept but not connected are pinged at the address that was given for them', async (context) => {
    const { peers } = await bench(context, [NOWHERE])
    await assert.rejects(peers.ping(fixtureKey(5).peerId, never), { code: 'PeerUnreachable', message: /ECONNREFUSED/ })
  })
})
