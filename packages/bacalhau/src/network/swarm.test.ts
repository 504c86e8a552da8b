import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createHost } from './host.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { handClock, settle } from './fixtures/hand-clock.ts'
import { startTestHost, untilPeers } from './fixtures/test-host.ts'
import { parsePeers } from './peer-address.ts'
import { startPeerKeeper } from './peer-keeper.ts'
import { createSwarm } from './swarm.ts'

const A = fixtureKey(0).peerId
const B = fixtureKey(1).peerId
const C = fixtureKey(2).peerId
const never = new AbortController().signal

async function startServer(t: TestContext) {
  const host = await startTestHost(t, 0)
  return { host, address: String(host.getMultiaddrs()[0]) }
}

test('connecting is done once and told to both sides', async (t) => {
  const server = await startServer(t)
  const client = await startTestHost(t, 1)
  const swarm = createSwarm(client)
  const told: [string, boolean][] = []
  swarm.onPeer((peerId, connected) => told.push([peerId, connected]))
  assert.equal(swarm.isConnected(A), false)
  await swarm.connect(A, [server.address], never)
  await swarm.connect(A, ['/ip4/127.0.0.1/tcp/1'], never)
  assert.equal(swarm.isConnected(A), true)
  await untilPeers(server.host, 1)
  await server.host.hangUp(client.peerId)
  await untilPeers(client, 0)
  assert.deepEqual(told, [
    [A, true],
    [A, false],
  ])
})

test('of several addresses the one that works is found', async (t) => {
  const server = await startServer(t)
  const swarm = createSwarm(await startTestHost(t, 1))
  await swarm.connect(A, [`/ip4/127.0.0.1/tcp/1/p2p/${A}`, server.address], never)
  assert.equal(swarm.isConnected(A), true)
})

test('a wrong peer at the address is named, and no connection to it stays', async (t) => {
  const server = await startServer(t)
  const client = await startTestHost(t, 1)
  const swarm = createSwarm(client)
  await assert.rejects(swarm.connect(C, [server.address.replace(A, C)], never), {
    code: 'PeerIdMismatch',
    message: new RegExp(`peer ${A}, not of ${C}`),
    hint: /--peer/,
    details: { expected: C, found: A },
  })
  await untilPeers(client, 0)
  await untilPeers(server.host, 0)
})

test('our own address under another ID is named as such', async (t) => {
  const { host, address } = await startServer(t)
  await assert.rejects(createSwarm(host).connect(C, [address.replace(A, C)], never), {
    code: 'PeerIdMismatch',
    message: /which is this node itself/,
  })
})

test('an address where nothing listens, or something else, is unreachable', async (t) => {
  const swarm = createSwarm(await startTestHost(t, 1))
  await assert.rejects(swarm.connect(A, [`/ip4/127.0.0.1/tcp/1/p2p/${A}`], never), {
    code: 'PeerUnreachable',
    message: /ECONNREFUSED/,
  })
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const address = other.address()
  assert.ok(typeof address === 'object' && address !== null)
  await assert.rejects(swarm.connect(A, [`/ip4/127.0.0.1/tcp/${address.port}/p2p/${A}`], never), {
    code: 'PeerUnreachable',
  })
})

test('connecting stops when its signal aborts', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => silent.close())
  await once(silent, 'listening')
  const address = silent.address()
  assert.ok(typeof address === 'object' && address !== null)
  const swarm = createSwarm(await startTestHost(t, 1))
  const abort = new AbortController()
  const connecting = swarm.connect(A, [`/ip4/127.0.0.1/tcp/${address.port}/p2p/${A}`], abort.signal)
  const [socket] = await once(silent, 'connection')
  abort.abort(new Error('enough'))
  await assert.rejects(connecting, /enough/)
  socket.destroy()
})

test('a kept peer is found again after it was restarted on the same port', async (t) => {
  const first = await createHost({ key: fixtureKey(0).bytes, port: 0, listen: ['127.0.0.1'] })
  const address = String(first.getMultiaddrs()[0])
  const port = Number(/tcp\/(\d+)/.exec(address)?.[1])
  const client = await startTestHost(t, 1)
  const clock = handClock()
  const events: string[] = []
  let changed = Promise.withResolvers<void>()
  const note = (event: string) => {
    events.push(event)
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const keeper = startPeerKeeper({
    swarm: createSwarm(client),
    targets: parsePeers([address]),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    onConnected: (peerId) => note(`+${peerId}`),
    onDisconnected: (peerId) => note(`-${peerId}`),
  })
  t.after(() => keeper.stop())
  await changed.promise
  const lost = changed.promise
  await first.stop()
  await lost
  const back = changed.promise
  const second = await createHost({ key: fixtureKey(0).bytes, port, listen: ['127.0.0.1'] })
  t.after(() => second.stop())
  while (events.length < 3) {
    await Promise.race([back, clock.advance(500).then(settle)])
  }
  assert.deepEqual(events, [`+${A}`, `-${A}`, `+${A}`])
  assert.equal(keeper.status()[0]?.state, 'connected')
  await untilPeers(second, 1)
  assert.equal(String(second.getPeers()[0]), B)
})
