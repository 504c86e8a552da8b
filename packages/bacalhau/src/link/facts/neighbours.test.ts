import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Swarm } from '../../network/swarm.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { seededRandom } from '../../runtime/random.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { createDirectory } from './directory.ts'
import { statement } from './fixtures/statements.ts'
import { startNeighbours } from './neighbours.ts'

const MINUTE = 60_000

/** A node that knows `count` others, of which it reaches those that `reaches` says. */
function setUp(count: number, reaches: (peer: string) => boolean = () => true) {
  const clock = createVirtualClock()
  const directory = createDirectory({ self: 'me', clock, trusts: () => true })
  const connected = new Set<string>()
  const listeners = new Set<(peerId: string, isConnected: boolean) => void>()
  const dials: { readonly peerId: string; readonly addresses: readonly string[]; readonly at: number }[] = []
  const set = (peerId: string, isConnected: boolean) => {
    if (isConnected) connected.add(peerId)
    else connected.delete(peerId)
    for (const listener of listeners) listener(peerId, isConnected)
  }
  const swarm: Swarm = {
    peerId: 'me',
    isConnected: (peerId) => connected.has(peerId),
    cutDead: () => Promise.resolve(),
    onAlarm: () => () => undefined,
    connect(peerId, addresses) {
      dials.push({ peerId, addresses, at: clock.monotonic() })
      if (!reaches(peerId)) return Promise.reject(new Error('nobody answers'))
      set(peerId, true)
      return Promise.resolve()
    },
    onPeer(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  let sequence = 0
  const hear = (index: number, addresses = [`/ip4/8.8.4.${index}/tcp/1235`]) =>
    directory.learn({ statement: statement(`n${index}`, { addresses, sequence: ++sequence }), via: 'hub' })
  for (let index = 0; index < count; index++) hear(index)
  const neighbours = startNeighbours({
    directory,
    swarm,
    connected: () => [...connected],
    own: () => ['/ip4/8.8.8.8/tcp/1235'],
    clock,
    random: seededRandom(7),
    logger: silentLogger,
  })
  /** The nodes go on saying that they are there. */
  const pass = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      await clock.advance(MINUTE)
      for (let index = 0; index < count; index++) hear(index)
    }
  }
  return { clock, directory, connected, dials, set, hear, pass, neighbours }
}

describe('neighbours', () => {
  test('are six, whom the node has dialled one after the other', async () => {
    const { connected, dials, pass } = setUp(30)
    await pass(5)
    assert.deepEqual([connected.size, dials.length], [6, 6])
    assert.ok(dials.every(({ peerId, addresses }) => addresses.every((address) => address.endsWith(`/p2p/${peerId}`))))
  })

  test('are also those who have connected by themselves', async () => {
    const { connected, dials, set, pass } = setUp(30)
    for (let index = 0; index < 5; index++) set(`n${index}`, true)
    for (let index = 0; index < 20; index++) set(`unknown${index}`, true)
    await pass(5)
    assert.deepEqual([dials.length, connected.size], [1, 26])
  })

  test('are replaced when they have gone', async () => {
    const { clock, connected, dials, set, pass } = setUp(30)
    await pass(3)
    for (const peerId of [...connected].slice(0, 3)) set(peerId, false)
    await clock.advance(25_000)
    assert.deepEqual([connected.size, dials.length], [6, 9])
  })

  test('that cannot be reached are dialled slowly, and left alone longer and longer', async () => {
    const { dials, pass } = setUp(1, () => false)
    await pass(60)
    assert.ok(dials.length >= 4 && dials.length <= 7, String(dials.length))
    const pauses = dials.slice(1).map(({ at }, index) => at - (dials[index]?.at ?? 0))
    assert.ok(
      pauses.every((pause, index) => pause >= 60_000 * 2 ** Math.min(index, 4)),
      pauses.join(),
    )
  })

  test('whoever tells of many victims has few dials made', async () => {
    const { dials, pass } = setUp(200, () => false)
    await pass(10)
    for (let minute = 0; minute < 10; minute++) {
      const within = dials.filter(({ at }) => at >= minute * MINUTE && at < (minute + 1) * MINUTE)
      assert.ok(within.length <= 10, `${within.length} in minute ${minute}`)
    }
  })

  test('are never sought where no node of the internet is', async () => {
    const { dials, pass, hear } = setUp(0)
    for (const [index, address] of [
      '/ip4/127.0.0.1/tcp/1235',
      '/ip4/10.0.0.1/tcp/1235',
      '/ip4/8.8.8.8/tcp/22',
      '/dns4/x.example/tcp/1235',
    ].entries())
      hear(index, [address])
    await pass(4)
    assert.deepEqual(dials, [])
  })
})

describe('a node that was lost', () => {
  test('is gone when it is not heard of again and cannot be reached', async () => {
    let reachable = true
    const { clock, directory, set, hear } = setUp(1, () => reachable)
    await clock.advance(20_000)
    reachable = false
    set('n0', false)
    await clock.advance(20_000)
    assert.ok(directory.find('n0') !== undefined)
    await clock.advance(20_000)
    assert.equal(directory.find('n0'), undefined)
    hear(0)
    assert.ok(directory.find('n0') !== undefined)
  })

  test('stays when it is heard of, or is back, or can be reached', async () => {
    for (const back of ['heard', 'connected', 'reachable']) {
      const { clock, directory, set, hear } = setUp(1, () => back !== 'heard')
      await clock.advance(20_000)
      set('n0', false)
      await clock.advance(5_000)
      if (back === 'heard') hear(0)
      if (back === 'connected') set('n0', true)
      await clock.advance(60_000)
      assert.ok(directory.find('n0') !== undefined, back)
    }
  })
})

test('nothing is dialled after the end', async () => {
  const { clock, dials, set, neighbours } = setUp(30)
  await clock.advance(30_000)
  set('n0', false)
  await neighbours.stop()
  const before = dials.length
  await clock.advance(10 * MINUTE)
  assert.equal(dials.length, before)
})
