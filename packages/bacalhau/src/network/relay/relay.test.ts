import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { silentLogger } from '../../runtime/logger.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { sendAll } from '../byte-stream.ts'
import { fixtureKey } from '../fixtures/keys.ts'
import { startTestHost } from '../fixtures/test-host.ts'
import { handleProtocol, openStream } from '../protocol.ts'
import { AUTONAT } from '../reach/autonat-message.ts'
import { DCUTR } from '../reach/punch-message.ts'
import { ownReachability, type ReachOptions, reachOf } from '../reach/reach.ts'
import { HOP } from './circuit-message.ts'

const CLIENT: ReachOptions = { admits: () => false, relay: false, punch: false, autonat: false }
const relayFor = (admits: (peerId: string) => boolean): ReachOptions => ({ ...CLIENT, admits, relay: true })
const idOf = (index: number) => fixtureKey(index).peerId

/** Resolves when a relay carries `host`. */
function untilRelayed(host: Libp2p): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!host.getMultiaddrs().some((address) => address.toString().includes('/p2p-circuit'))) return
      host.removeEventListener('self:peer:update', check)
      resolve()
    }
    host.addEventListener('self:peer:update', check)
    check()
  })
}

/** A relay, a node that accepts no connections, and one that wants to reach it. */
async function threeHosts(t: TestContext, admits: (peerId: string) => boolean = () => true) {
  const relay = await startTestHost(t, 0, { reach: relayFor(admits) })
  const hidden = await startTestHost(t, 1, { listen: [], reach: CLIENT })
  const client = await startTestHost(t, 2, { listen: [], reach: CLIENT })
  await handleProtocol(hidden, '/test/echo', (stream) => sendAll(stream, stream.receive()), { logger: silentLogger })
  await hidden.dial(relay.getMultiaddrs())
  await client.dial(relay.getMultiaddrs())
  return { relay, hidden, client }
}

async function echo(host: Libp2p, peer: string, bytes: Uint8Array): Promise<Buffer> {
  const stream = await openStream(host, peer, '/test/echo')
  const answer = Array.fromAsync(stream.receive())
  await sendAll(stream, [bytes])
  return Buffer.concat(await answer)
}

describe('a relay', () => {
  test('connects two nodes that accept no connections, by peer ID alone and for bulk data', async (t) => {
    const { relay, hidden, client } = await threeHosts(t)
    await untilRelayed(hidden)
    assert.deepEqual(
      hidden.getMultiaddrs().map(String),
      [`${relay.getMultiaddrs()[0]?.toString()}/p2p-circuit/p2p/${idOf(1)}`],
      'it announces the relay, and nothing else',
    )
    const bytes = Buffer.alloc(3 * LIMITS.streamWindow, 'relayed ')
    assert.ok(bytes.equals(await echo(client, idOf(1), bytes)))
    assert.deepEqual([reachOf(client, idOf(1)), reachOf(hidden, idOf(2))], ['relayed', 'relayed'])
    assert.deepEqual(
      [reachOf(client, idOf(0)), reachOf(client, idOf(2)), reachOf(client, idOf(3))],
      ['local', 'local', 'none'],
    )
    const load = ownReachability(relay)?.relays
    assert.deepEqual([load?.reservations, load?.circuits], [2, 1])
    assert.ok((load?.bytes ?? 0) > 2 * bytes.length, 'what it carries is counted')
  })

  test('has no seat for a stranger, who says why', async (t) => {
    const { relay, hidden, client } = await threeHosts(t, (peer) => peer === idOf(2))
    await untilRelayed(client)
    assert.equal(ownReachability(relay)?.relays?.reservations, 1)
    assert.deepEqual([...(ownReachability(hidden)?.refusals ?? [])], [[idOf(0), 'permissionDenied']])
    await assert.rejects(openStream(client, idOf(1), '/test/echo'), {
      code: 'PeerUnreachable',
      message: /answered: permissionDenied/,
    })
  })

  test('takes a stranger to nobody', async (t) => {
    const { hidden, client } = await threeHosts(t, (peer) => peer === idOf(1))
    await untilRelayed(hidden)
    await assert.rejects(openStream(client, idOf(1), '/test/echo'), { code: 'PeerUnreachable' })
  })

  test('asks again: who is not admitted at first is carried once he is', async (t) => {
    let admitted = false
    const { hidden } = await threeHosts(t, () => admitted)
    admitted = true
    await untilRelayed(hidden)
  })

  test('forgets the node that has left, and is forgotten by it', async (t) => {
    const { relay, hidden, client } = await threeHosts(t)
    await untilRelayed(hidden)
    await hidden.hangUp(relay.peerId)
    assert.deepEqual(hidden.getMultiaddrs(), [])
    await assert.rejects(openStream(client, idOf(1), '/test/echo'), {
      code: 'PeerUnreachable',
      message: /noReservation/,
    })
  })

  test('is not a way for connections that nobody asked it to bring', async (t) => {
    const { relay, hidden, client } = await threeHosts(t)
    await untilRelayed(hidden)
    const twice = `/p2p/${relay.peerId.toString()}/p2p-circuit/p2p/${idOf(1)}/p2p-circuit/p2p/${idOf(3)}`
    await assert.rejects(client.dial(multiaddr(twice)))
  })

  test('takes no nonsense, and goes on', async (t) => {
    const { hidden, client, relay } = await threeHosts(t)
    await untilRelayed(hidden)
    const [connection] = client.getConnections()
    assert.ok(connection !== undefined)
    for (const protocol of [HOP, DCUTR, AUTONAT]) {
      for (const bytes of [[0], [3, 255, 255, 255], [255, 255, 255, 255, 255, 1], [2, 8, 9], [4, 8, 1, 18, 0]]) {
        const stream = await connection.newStream(protocol).catch(() => undefined)
        stream?.send(Uint8Array.from(bytes))
        await stream?.close().catch(() => undefined)
      }
    }
    assert.equal((await echo(client, idOf(1), Buffer.from('still here'))).toString(), 'still here')
    assert.equal(ownReachability(relay)?.relays?.circuits, 1)
  })

  test('carries no more connections of one peer than its share', async (t) => {
    const { hidden, client, relay } = await threeHosts(t)
    await untilRelayed(hidden)
    const target = multiaddr(`${relay.getMultiaddrs()[0]?.toString()}/p2p-circuit/p2p/${idOf(1)}`)
    const dials = Array.from({ length: LIMITS.relayCircuitsOfPeer + 6 }, () => client.dial(target, { force: true }))
    await Promise.allSettled(dials)
    const circuits = ownReachability(relay)?.relays?.circuits ?? 0
    assert.ok(circuits > 0 && circuits <= LIMITS.relayCircuitsOfPeer, `${circuits} circuits`)
  })

  test('cuts what goes through when it stops', async (t) => {
    const { relay, hidden, client } = await threeHosts(t)
    await untilRelayed(hidden)
    const stream = await openStream(client, idOf(1), '/test/echo')
    await stream.send(Buffer.from('x'))
    const reader = stream.receive()
    await reader.next()
    await relay.stop()
    await assert.rejects(reader.next())
  })
})
