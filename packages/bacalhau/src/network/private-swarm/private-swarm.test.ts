import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import type { Ping } from '@libp2p/ping'
import { fixtureKey } from '../fixtures/keys.ts'
import { startTestHost } from '../fixtures/test-host.ts'
import { ownReachability, reachOf, type ReachOptions } from '../reach/reach.ts'
import { createSwarm } from '../swarm.ts'
import type { Foreign } from './protector.ts'
import { swarmKindAt } from './probe.ts'

const KEY = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const A = fixtureKey(0).peerId
const never = new AbortController().signal

async function start(t: TestContext, index: number, swarmKey: Buffer | undefined) {
  const foreign: Foreign[] = []
  const host = await startTestHost(t, index, {
    ...(swarmKey === undefined ? {} : { swarmKey }),
    onForeign: (_address, found) => foreign.push(found),
  })
  const address = String(host.getMultiaddrs()[0])
  return {
    host,
    foreign,
    address,
    port: Number(address.split('/')[4]),
    swarm: createSwarm(host, { swarmKey }),
  }
}

const kindAt = (port: number, key: Buffer | undefined) => swarmKindAt({ host: '127.0.0.1', port }, key, never)

describe('a private swarm', () => {
  test('connects those who have its key, and carries what they say', async (t) => {
    const server = await start(t, 0, KEY)
    const client = await start(t, 1, KEY)
    await client.swarm.connect(A, [server.address], never)
    const ping = client.host.services['ping'] as Ping
    assert.ok((await ping.ping(server.host.peerId)) >= 0)
    const sent = randomBytes(700_001)
    const came: Promise<Buffer> = new Promise((resolve) => {
      void server.host.handle('/test/1', async (stream) => {
        const pieces: Uint8Array[] = []
        for await (const piece of stream) pieces.push(piece.subarray())
        resolve(Buffer.concat(pieces))
      })
    })
    const stream = await client.host.dialProtocol(server.host.peerId, '/test/1')
    if (!stream.send(sent)) await stream.onDrain()
    await stream.close()
    assert.deepEqual(await came, sent)
    assert.deepEqual([...server.foreign, ...client.foreign], [])
  })

  const FOREIGN: readonly [
    name: string,
    server: Buffer | undefined,
    client: Buffer | undefined,
    message: RegExp,
    told: Foreign | undefined,
  ][] = [
    ['a node without a key, by one with it', undefined, KEY, /has no swarm key, and this node has one/, undefined],
    [
      'a node with a key, by one without',
      KEY,
      undefined,
      /belongs to a private swarm, and this node has no swarm key/,
      'no key',
    ],
    ['a node with a key, by one with another', KEY, OTHER, /has another swarm key than this node/, 'another key'],
  ]
  for (const [name, serverKey, clientKey, message, told] of FOREIGN) {
    test(`does not connect ${name}; the error says why and what to do`, async (t) => {
      const server = await start(t, 0, serverKey)
      const client = await start(t, 1, clientKey)
      await assert.rejects(client.swarm.connect(A, [server.address], never), {
        code: 'SwarmKeyMismatch',
        message,
        hint: /--swarm-key FILE/,
      })
      assert.equal(server.host.getConnections().length, 0)
      if (told !== undefined) assert.ok(server.foreign.includes(told))
    })
  }

  test('tells a wrong peer of the same swarm from one of another swarm', async (t) => {
    const server = await start(t, 0, KEY)
    const client = await start(t, 1, KEY)
    const other = fixtureKey(2).peerId
    await assert.rejects(client.swarm.connect(other, [server.address.replace(A, other)], never), {
      code: 'PeerIdMismatch',
    })
  })

  test('reaches over relays, too', async (t) => {
    const reach: ReachOptions = { admits: () => true, relay: false, punch: false, autonat: false }
    const relay = await startTestHost(t, 0, { swarmKey: KEY, reach: { ...reach, relay: true } })
    const [hidden, client] = await Promise.all(
      [1, 2].map((index) => startTestHost(t, index, { swarmKey: KEY, listen: [], reach })),
    )
    assert.ok(hidden !== undefined && client !== undefined)
    await hidden.dial(relay.getMultiaddrs())
    while (ownReachability(hidden)?.relayed.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await client.dial(relay.getMultiaddrs())
    const [address = ''] = hidden.getMultiaddrs().map(String)
    await createSwarm(client, { swarmKey: KEY }).connect(fixtureKey(1).peerId, [address], never)
    const ping = client.services['ping'] as Ping
    assert.ok((await ping.ping(hidden.peerId)) >= 0)
    assert.equal(reachOf(client, fixtureKey(1).peerId), 'relayed')
  })

  test('is told from an open one by the first bytes, and from nobody', async (t) => {
    const [open, closed] = [await start(t, 0, undefined), await start(t, 1, KEY)]
    for (const key of [undefined, KEY]) assert.equal(await kindAt(open.port, key), 'open')
    assert.equal(await kindAt(closed.port, undefined), 'foreign')
    assert.equal(await kindAt(closed.port, OTHER), 'foreign')
    assert.equal(await kindAt(closed.port, KEY), 'ours')
    await closed.host.stop()
    assert.equal(await kindAt(closed.port, KEY), undefined)
    const web = createServer().listen(0, '127.0.0.1')
    t.after(() => web.close())
    await once(web, 'listening')
    assert.equal(await kindAt((web.address() as AddressInfo).port, KEY), undefined)
  })

  test('survives garbage', async (t) => {
    const server = await start(t, 0, KEY)
    for (const bytes of [
      Buffer.alloc(23),
      randomBytes(24),
      randomBytes(4_096),
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    ]) {
      const socket = connect({ host: '127.0.0.1', port: server.port })
      socket.on('error', () => {})
      socket.resume()
      socket.end(bytes)
      await new Promise((resolve) => socket.once('close', resolve))
    }
    const client = await start(t, 1, KEY)
    await client.swarm.connect(A, [server.address], never)
    assert.ok(client.swarm.isConnected(A))
  })
})
