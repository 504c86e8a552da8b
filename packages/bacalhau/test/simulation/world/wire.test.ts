import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { channelCompliance, listen, type Notice } from '../../../src/link/compliance.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { createVirtualClock } from '../../../src/runtime/virtual-clock.ts'
import { createDice } from './dice.ts'
import { type Holder, Wire, type WireWeather } from './wire.ts'

const holder = (peer: string): Holder & { dead: boolean; reached: string[] } => {
  const reached: string[] = []
  return { peer, dead: false, reached, reach: (point) => reached.push(point) }
}

function bench(weather?: Partial<WireWeather>) {
  const clock = createVirtualClock(0, { turns: 1 })
  const holders = [holder('QmA'), holder('QmB')] as const
  const fair = { latency: () => 0, repeats: () => false, ...weather }
  const wire = new Wire<Notice, Notice>({ clock, holders, weather: fair })
  return { clock, wire, holders, left: listen(wire.ends[0]), right: listen(wire.ends[1]) }
}

/** Time that passes as fast as it can: the suite does not know that there is any. */
const hurried: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after(_delay, action) {
    const handle = setImmediate(action)
    return { cancel: () => clearImmediate(handle) }
  },
}

channelCompliance('a simulated wire', async () => {
  const [left, right] = new Wire<Notice, Notice>({ clock: hurried, holders: [holder('QmA'), holder('QmB')] }).ends
  return [left, right]
})

describe('a simulated wire', () => {
  test('shows each end the other one’s peer', () => {
    const [left, right] = bench().wire.ends
    assert.deepEqual([left.peer, right.peer, left.sameMachine], ['QmB', 'QmA', false])
  })

  test('takes its time, and no message overtakes another', async () => {
    const latencies = [50, 10, 0]
    const { clock, left, right } = bench({ latency: () => latencies.shift() ?? 0 })
    for (const text of ['a', 'b', 'c']) left.say(text)
    await clock.advance(49)
    assert.deepEqual(right.received, [])
    await clock.advance(1)
    assert.deepEqual(right.received, ['a', 'b', 'c'])
  })

  test('loses with a cut what is under way, and both ends hear of it once', async () => {
    const { clock, wire, left, right } = bench({ latency: () => 10 })
    left.say('a')
    wire.cut()
    left.say('b')
    await clock.advance(100)
    assert.deepEqual([right.received, left.closings.length, right.closings.length, wire.open], [[], 1, 1, false])
  })

  test('keeps back what goes in a blocked direction, and lets it through in its order', async () => {
    const { clock, wire, left, right } = bench()
    wire.block({ left: true })
    left.say('a')
    left.say('b')
    right.say('c')
    await clock.advance(1_000)
    assert.deepEqual([left.received, right.received], [['c'], []])
    wire.block()
    left.say('d')
    await clock.advance(0)
    assert.deepEqual(right.received, ['a', 'b', 'd'])
  })

  test('keeps back the end as well: who is cut off silently hears nothing', async () => {
    const { clock, wire, left, right } = bench()
    wire.block({ left: true, right: true })
    left.channel.close()
    await clock.advance(1_000)
    assert.deepEqual([left.closings, right.closings], [[undefined], []])
  })

  test('may deliver a message twice, after what was sent before, never thrice', async () => {
    const dice = createDice(3)
    const { clock, left, right } = bench({ repeats: () => dice.chance(0.5) })
    const sent = Array.from({ length: 40 }, (_, index) => String(index))
    for (const text of sent) left.say(text)
    await clock.advance(10)
    const firsts = right.received.filter((text, index) => right.received.indexOf(text) === index)
    assert.deepEqual(firsts, sent)
    assert.ok(right.received.length > 45 && right.received.length < 80, String(right.received.length))
  })

  test('says nothing to the dead and nothing of theirs, and tells the living what they come to', async () => {
    const { clock, wire, holders, left, right } = bench({ latency: () => 5 })
    left.say('a')
    await clock.advance(5)
    assert.deepEqual([holders[0].reached, holders[1].reached], [['send'], ['receive']])
    left.say('b')
    holders[1].dead = true
    right.say('c')
    await clock.advance(10)
    wire.cut()
    await clock.advance(10)
    assert.deepEqual([right.received, right.closings, left.received, left.closings.length], [['a'], [], [], 1])
  })
})
