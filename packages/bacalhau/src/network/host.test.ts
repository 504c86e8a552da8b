import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { createHost, listenAddresses } from './host.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { startTestHost, startTestHosts, untilPeers } from './fixtures/test-host.ts'

describe('listen addresses', () => {
  test('are every interface by default', () => {
    assert.deepEqual(listenAddresses(1235), ['/ip4/0.0.0.0/tcp/1235', '/ip6/::/tcp/1235'])
  })

  test('follow the given hosts', () => {
    assert.deepEqual(listenAddresses(7, ['127.0.0.1', '::1']), ['/ip4/127.0.0.1/tcp/7', '/ip6/::1/tcp/7'])
  })

  test('refuse a name', () => {
    assert.throws(() => listenAddresses(7, ['localhost']), { code: 'ConfigurationError', message: /"localhost"/ })
  })
})

describe('host', () => {
  test('has the identity of its key', async (t) => {
    const host = await startTestHost(t, 0)
    assert.equal(host.peerId.toString(), fixtureKey(0).peerId)
    assert.equal(host.getMultiaddrs().length, 1)
    assert.match(String(host.getMultiaddrs()[0]), new RegExp(`^/ip4/127.0.0.1/tcp/\\d+/p2p/${fixtureKey(0).peerId}$`))
  })

  test('connects to another one by TLS and yamux, each knowing the other', async (t) => {
    const [server, client] = await startTestHosts(t, 2)
    const [connection] = client!.getConnections()
    assert.equal(connection?.remotePeer.toString(), server.peerId.toString())
    assert.equal(connection?.encryption, '/tls/1.0.0')
    assert.equal(connection?.multiplexer, '/yamux/1.0.0')
    assert.equal(server.getConnections()[0]?.remotePeer.toString(), client!.peerId.toString())
  })

  test('listens and is dialled on IPv6, too, and at both families at once', async (t) => {
    const server = await startTestHost(t, 0, { listen: ['127.0.0.1', '::1'] })
    const addresses = server.getMultiaddrs().map(String)
    assert.deepEqual(new Set(addresses.map((one) => one.split('/')[2])), new Set(['127.0.0.1', '::1']))
    for (const [index, address] of addresses.entries()) {
      const client = await startTestHost(t, index + 1, { listen: ['::1'] })
      const connection = await client.dial(multiaddr(address))
      assert.equal(connection.remotePeer.toString(), fixtureKey(0).peerId)
    }
  })

  test('refuses a peer that is not the one that was dialled', async (t) => {
    const [server, client] = await Promise.all([startTestHost(t, 0), startTestHost(t, 1)])
    const address = String(server.getMultiaddrs()[0]).replace(fixtureKey(0).peerId, fixtureKey(2).peerId)
    await assert.rejects(client.dial(multiaddr(address)), { name: 'EncryptionFailedError' })
    assert.equal(client.getConnections().length, 0)
  })

  test('names the port and the flag when the port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    assert.ok(typeof address === 'object' && address !== null)
    await assert.rejects(createHost({ key: fixtureKey(0).bytes, port: address.port, listen: ['127.0.0.1'] }), {
      code: 'PortInUse',
      message: new RegExp(String(address.port)),
      hint: /--port .*--swarm-port/,
    })
    squatter.close()
  })

  test('tells when the machine does not have the address', async () => {
    await assert.rejects(createHost({ key: fixtureKey(0).bytes, port: 0, listen: ['192.0.2.1'] }), {
      code: 'ConfigurationError',
    })
  })

  test('accepts a burst of connections from one address', async (t) => {
    const server = await startTestHost(t, 0)
    const clients = await Promise.all([1, 2, 3, 4, 5].map((index) => startTestHost(t, index)))
    for (let round = 0; round < 2; round++) {
      await Promise.all(clients.map((client) => client.dial(server.getMultiaddrs())))
      await untilPeers(server, clients.length)
      await Promise.all(clients.map((client) => client.hangUp(server.peerId)))
      await untilPeers(server, 0)
    }
  })

  test('survives strangers who speak nonsense', async (t) => {
    const server = await startTestHost(t, 0)
    const port = Number(/tcp\/(\d+)/.exec(String(server.getMultiaddrs()[0]))?.[1])
    const hello = '\x13/multistream/1.0.0\n'
    const openings = [
      '',
      '\0',
      'GET / HTTP/1.1\r\n\r\n',
      '\x16\x03\x01\x02\0\x01',
      hello,
      `${hello}\x0b/tls/1.0.0\n\x16\x03`,
    ]
    const rubbish = [...openings, `${hello}\x07/noise\n\0\xff`, `${hello}\xff\xff\xff\xff\x0f`, 'x'.repeat(100_000)]
    await Promise.all(
      rubbish.flatMap((text) =>
        [false, true].map(async (abruptly) => {
          const socket = connect(port, '127.0.0.1')
          socket.on('error', () => {})
          socket.write(text, 'latin1', () => (abruptly ? socket.resetAndDestroy() : socket.end()))
          socket.resume()
          await new Promise((resolve) => socket.on('close', resolve))
        }),
      ),
    )
    const client = await startTestHost(t, 1)
    await client.dial(server.getMultiaddrs())
    await untilPeers(server, 1)
  })
})
