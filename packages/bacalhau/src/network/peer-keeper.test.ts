import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BacalhauError } from '../runtime/error.ts'
import { type Logger, silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { handClock, settle } from './fixtures/hand-clock.ts'
import type { PeerTarget } from './peer-address.ts'
import { type PeerKeeperOptions, startPeerKeeper } from './peer-keeper.ts'
import type { Swarm } from './swarm.ts'

const ADDRESS: PeerTarget = { kind: 'address', text: '/a', peerId: 'A', addresses: ['/a'] }
const API: PeerTarget = { kind: 'api', text: '/api', url: 'http://api', machine: '/ip4/192.0.2.1' }

/** A swarm whose peers do as they are told. */
function scriptedSwarm() {
  const connected = new Set<string>()
  const listeners = new Set<(peerId: string, connected: boolean) => void>()
  const alarms = new Set<() => void>()
  const dead = new Set<string>()
  const dialled: string[] = []
  const asked: string[] = []
  let failure: BacalhauError | undefined
  const swarm: Swarm = {
    peerId: 'self',
    isConnected: (peerId) => connected.has(peerId),
    async connect(peerId, addresses) {
      if (connected.has(peerId)) return
      dialled.push(`${peerId} at ${addresses.join()}`)
      if (failure !== undefined) throw failure
      set(peerId, true)
    },
    async cutDead(peerId, patience) {
      asked.push(`${peerId} within ${patience}`)
      if (dead.has(peerId) && connected.has(peerId)) set(peerId, false)
    },
    onAlarm(listener) {
      alarms.add(listener)
      return () => alarms.delete(listener)
    },
    onPeer(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  function set(peerId: string, isConnected: boolean): void {
    if (isConnected) connected.add(peerId)
    else connected.delete(peerId)
    for (const listener of listeners) listener(peerId, isConnected)
  }
  return {
    swarm,
    dialled,
    asked,
    listeners,
    alarms,
    die: (peerId: string) => dead.add(peerId),
    alarm: () => alarms.forEach((listener) => listener()),
    fail: (code?: 'PeerUnreachable' | 'PeerIdMismatch', message = 'down') => {
      failure = code === undefined ? undefined : new BacalhauError(code, message)
    },
    connect: (peerId: string) => set(peerId, true),
    lose: (peerId: string) => set(peerId, false),
  }
}

async function start(targets: PeerTarget[], more: Partial<PeerKeeperOptions> = {}) {
  const clock = handClock()
  const network = scriptedSwarm()
  const events: string[] = []
  const warnings: object[] = []
  const logger: Logger = { ...silentLogger, warn: (facts) => warnings.push(facts), child: () => logger }
  const begin = (fail?: 'PeerUnreachable' | 'PeerIdMismatch') => {
    network.fail(fail)
    return startPeerKeeper({
      swarm: network.swarm,
      targets,
      clock,
      random: seededRandom(1),
      logger,
      onConnected: (peerId) => events.push(`+${peerId}`),
      onDisconnected: (peerId) => events.push(`-${peerId}`),
      ...more,
    })
  }
  return { clock, network, events, warnings, begin }
}

describe('peer keeper', () => {
  test('connects at once and says so', async () => {
    const { network, events, begin } = await start([ADDRESS])
    const keeper = begin()
    assert.equal(keeper.isWanted('A'), true)
    assert.equal(keeper.isWanted('B'), false)
    await settle()
    assert.deepEqual([network.dialled, events], [['A at /a'], ['+A']])
    assert.deepEqual(keeper.status(), [
      { peer: '/a', peerId: 'A', state: 'connected', retryAt: undefined, error: undefined },
    ])
    await keeper.stop()
  })

  test('tries for ever, slower and slower, warning once', async () => {
    const { clock, network, warnings, begin } = await start([ADDRESS])
    const keeper = begin('PeerUnreachable')
    await clock.advance(1)
    const [waiting] = keeper.status()
    assert.equal(waiting?.state, 'waiting')
    assert.equal(waiting?.error?.message, 'down')
    assert.ok(waiting?.retryAt !== undefined && waiting.retryAt >= 250 && waiting.retryAt <= 500)
    await clock.advance(10_000)
    const early = network.dialled.length
    assert.ok(early >= 5 && early <= 7, `${early} attempts in 10 s`)
    await clock.advance(3_600_000)
    const hourly = network.dialled.length - early
    assert.ok(hourly >= 120 && hourly <= 240, `${hourly} attempts in an hour`)
    assert.deepEqual(warnings, [{ error: 'down', hint: undefined }])
    network.fail()
    await clock.advance(30_000)
    assert.equal(keeper.status()[0]?.state, 'connected')
    assert.equal(keeper.status()[0]?.error, undefined)
    await keeper.stop()
  })

  test('warns again when the reason changes', async () => {
    const { clock, network, warnings, begin } = await start([ADDRESS])
    const keeper = begin('PeerUnreachable')
    await clock.advance(10_000)
    network.fail('PeerIdMismatch', 'B is there')
    await clock.advance(120_000)
    assert.equal(warnings.length, 2)
    await keeper.stop()
  })

  test('tries a wrong peer slowly', async () => {
    const { clock, network, begin } = await start([ADDRESS])
    const keeper = begin('PeerIdMismatch')
    await clock.advance(29_999)
    assert.equal(network.dialled.length, 1)
    assert.equal(keeper.status()[0]?.error?.code, 'PeerIdMismatch')
    await clock.advance(1)
    assert.equal(network.dialled.length, 2)
    await keeper.stop()
  })

  test('dials a lost peer at once, and waits when it is lost again and again', async () => {
    const { clock, network, events, begin } = await start([ADDRESS])
    const keeper = begin()
    await clock.advance(60_000)
    network.lose('A')
    await settle()
    assert.deepEqual(network.dialled.length, 2)
    assert.deepEqual(events, ['+A', '-A', '+A'])
    network.lose('A')
    await settle()
    assert.deepEqual(network.dialled.length, 3)
    network.lose('A')
    await settle()
    assert.equal(keeper.status()[0]?.state, 'waiting')
    assert.equal(network.dialled.length, 3)
    await clock.advance(500)
    assert.equal(network.dialled.length, 4)
    await keeper.stop()
  })

  test('stops waiting when the peer connects to us', async () => {
    const { clock, network, events, begin } = await start([ADDRESS])
    const keeper = begin('PeerIdMismatch')
    await clock.advance(1)
    network.connect('A')
    await settle()
    assert.equal(keeper.status()[0]?.state, 'connected')
    assert.deepEqual([network.dialled.length, events], [1, ['+A']])
    await keeper.stop()
  })

  test('tells nothing of peers that it was not pointed at', async () => {
    const { network, events, begin } = await start([ADDRESS])
    const keeper = begin()
    await settle()
    network.connect('B')
    network.lose('B')
    assert.deepEqual(events, ['+A'])
    await keeper.stop()
  })

  test('asks an API anew each time, follows a new ID, and forgets the old one', async () => {
    const ids = ['A', 'A', 'B']
    let asked = 0
    const { clock, network, events, begin } = await start([API], {
      findRoute: async () => {
        const peerId = ids[asked++] ?? 'B'
        return { peerId, addresses: [[`/near/${peerId}`], [`/far/${peerId}`]] }
      },
    })
    const keeper = begin('PeerUnreachable')
    await settle()
    assert.deepEqual(network.dialled, ['A at /near/A', 'A at /far/A'])
    network.fail()
    await clock.advance(500)
    assert.deepEqual([keeper.status()[0]?.peerId, keeper.isWanted('A')], ['A', true])
    network.lose('A')
    await settle()
    assert.deepEqual([keeper.status()[0]?.peerId, keeper.isWanted('A'), keeper.isWanted('B')], ['B', false, true])
    assert.deepEqual(events, ['+A', '-A', '+B'])
    await keeper.stop()
  })

  test('leaves itself alone', async () => {
    const self: PeerTarget = { ...ADDRESS, text: '/self', peerId: 'self' }
    const { clock, network, begin } = await start([self, ADDRESS])
    const keeper = begin()
    await clock.advance(60_000)
    assert.deepEqual(
      keeper.status().map(({ state }) => state),
      ['self', 'connected'],
    )
    assert.deepEqual(network.dialled, ['A at /a'])
    await keeper.stop()
  })

  test('asks a connected peer for a sign of life, and connects anew when there is none', async () => {
    const { clock, network, begin } = await start([ADDRESS])
    const keeper = begin()
    await clock.advance(121_000)
    assert.deepEqual(network.asked, ['A within 15000', 'A within 15000'])
    network.die('A')
    await clock.advance(60_000)
    assert.deepEqual(network.dialled, ['A at /a', 'A at /a'])
    await keeper.stop()
  })

  test('after an alarm it asks at once, for a quick answer, and does not wait to connect', async () => {
    const { clock, network, begin } = await start([ADDRESS])
    const keeper = begin()
    await clock.advance(1)
    network.alarm()
    assert.deepEqual(network.asked, ['A within 2000'])
    await keeper.stop()
    network.lose('A')
    const other = begin('PeerUnreachable')
    await clock.advance(120_000)
    const before = network.dialled.length
    network.alarm()
    await settle()
    assert.equal(network.dialled.length, before + 1)
    await other.stop()
    assert.equal(network.alarms.size, 0)
  })

  test('takes one more peer, once, and lets go of it in whatever state', async () => {
    const other: PeerTarget = { kind: 'address', text: '/b', peerId: 'B', addresses: ['/b'] }
    const { clock, network, events, begin } = await start([other])
    const keeper = begin('PeerUnreachable')
    keeper.add(ADDRESS)
    keeper.add({ ...ADDRESS })
    await clock.advance(1)
    assert.deepEqual(
      keeper.status().map(({ peer }) => peer),
      ['/b', '/a'],
    )
    await keeper.remove('/a')
    const tried = network.dialled.filter((line) => line.startsWith('A')).length
    await clock.advance(60_000)
    assert.equal(network.dialled.filter((line) => line.startsWith('A')).length, tried)
    assert.equal(keeper.isWanted('A'), false)
    network.fail()
    keeper.add(ADDRESS)
    await settle()
    assert.deepEqual([keeper.isWanted('A'), events], [true, ['+A']])
    await keeper.remove('/a')
    // It is still connected, and no longer wanted.
    assert.deepEqual([network.swarm.isConnected('A'), events], [true, ['+A', '-A']])
    network.lose('A')
    assert.deepEqual(events, ['+A', '-A'])
    await keeper.remove('/unknown')
    await keeper.stop()
  })

  test('stops at once in whatever state, leaving nothing behind', async () => {
    const neverFound: PeerKeeperOptions['findRoute'] = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    for (const [fail, findRoute] of [[undefined], ['PeerUnreachable'], [undefined, neverFound]] as const) {
      const { clock, network, warnings, begin } = await start([ADDRESS], findRoute === undefined ? {} : { findRoute })
      const keeper = begin(fail)
      await clock.advance(1)
      await keeper.stop()
      assert.deepEqual([clock.pending, network.listeners.size], [0, 0])
      assert.equal(warnings.length, fail === undefined ? 0 : 1)
    }
  })

  test('keeps trying when what finds the route throws something odd', async () => {
    let asked = 0
    const findRoute = async () => {
      if (++asked < 3) throw new TypeError('odd')
      return { peerId: 'A', addresses: [['/a']] }
    }
    const { clock, begin } = await start([API], { findRoute })
    const keeper = begin()
    await settle()
    assert.equal(keeper.status()[0]?.error?.code, 'PeerUnreachable')
    await clock.advance(2000)
    assert.equal(keeper.status()[0]?.state, 'connected')
    await keeper.stop()
  })
})
