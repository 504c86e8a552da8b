import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import os from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import { createHost } from '../host.ts'
import { fixtureKey } from '../fixtures/keys.ts'
import { settle } from '../fixtures/hand-clock.ts'
import { startTestHost, untilPeers } from '../fixtures/test-host.ts'
import { ownReachability, type ReachOptions, reachOf } from './reach.ts'
import { prepareSharing } from './shared-port.ts'

const REACH: ReachOptions = { admits: () => true, relay: true, punch: true, autonat: true }

/** An address of this machine that is not that of loopback: what is sent there does not leave it. */
const own = Object.values(os.networkInterfaces())
  .flat()
  .find((info) => info !== undefined && !info.internal && info.family === 'IPv4')?.address

async function listen(t: TestContext, host: string): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { server, port: address.port }
}

describe('a port that is shared', () => {
  test('is not for loopback only, where nothing stands between', async () => {
    assert.equal(await prepareSharing(['127.0.0.1', '::1'], 0), undefined)
  })

  test('is not taken twice, although the system would let it', async (t) => {
    const { port } = await listen(t, '0.0.0.0')
    await assert.rejects(createHost({ key: fixtureKey(0).bytes, port, listen: ['0.0.0.0'], reach: REACH }), {
      code: 'PortInUse',
    })
    const first = await startTestHost(t, 0, { listen: ['0.0.0.0'], reach: REACH })
    const taken = Number(/tcp\/(\d+)/.exec(String(first.getMultiaddrs()[0]))?.[1])
    await assert.rejects(createHost({ key: fixtureKey(1).bytes, port: taken, listen: ['0.0.0.0'], reach: REACH }), {
      code: 'PortInUse',
    })
  })

  const skip = process.platform !== 'linux' ? 'only Linux shares ports' : own === undefined ? 'no network' : false
  test('is where connections come from, so that peers see where to find us', { skip }, async (t) => {
    const server = await startTestHost(t, 0, { listen: [own ?? ''], reach: REACH })
    const client = await startTestHost(t, 1, { listen: [own ?? ''], reach: REACH })
    const port = /tcp\/(\d+)/.exec(String(client.getMultiaddrs()[0]))?.[1]
    await client.dial(server.getMultiaddrs())
    await untilPeers(server, 1)
    assert.match(String(server.getConnections()[0]?.remoteAddr), new RegExp(`^/ip4/${own}/tcp/${port}/`))
    while (ownReachability(client)?.verdict === 'unknown') await settle()
    const known = ownReachability(client)
    assert.deepEqual([known?.verdict, known?.sharesPort], ['reachable', true])
    assert.deepEqual(known?.seenAs, [`/ip4/${own}/tcp/${port}`])
    assert.deepEqual(
      [reachOf(client, fixtureKey(0).peerId), reachOf(server, fixtureKey(1).peerId)],
      ['direct', 'direct'],
    )
  })

  test('lets one come again at once: a place that is still taken is left alone', { skip }, async (t) => {
    const server = await startTestHost(t, 0, { listen: [own ?? ''], reach: REACH })
    const client = await startTestHost(t, 1, { listen: [own ?? ''], reach: REACH })
    for (let round = 0; round < 3; round++) {
      const connection = await client.dial(server.getMultiaddrs())
      await connection.close()
    }
  })
})
