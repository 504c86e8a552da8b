import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelCompliance, listen, type Notice } from '../../src/link/compliance.ts'
import { createVirtualClock } from '../../src/runtime/virtual-clock.ts'
import { createWire } from './wire.ts'

const clock = createVirtualClock()
const open = () => createWire<Notice, Notice>({ clock, peers: ['QmA', 'QmB'] })

channelCompliance('a simulated wire', async () => {
  const [left, right] = open().ends
  return [left, right]
})

test('each end sees the other one’s peer', () => {
  const [left, right] = open().ends
  assert.deepEqual([left.peer, right.peer, left.sameMachine], ['QmB', 'QmA', false])
})

test('what is under way takes its time, and is lost with a cut', async () => {
  const wire = open()
  wire.latency = 50
  const [left, right] = [listen(wire.ends[0]), listen(wire.ends[1])]
  left.say('a')
  await clock.advance(49)
  assert.deepEqual(right.received, [])
  left.say('b')
  await clock.advance(1)
  assert.deepEqual(right.received, ['a'])
  wire.cut()
  await clock.advance(100)
  assert.deepEqual([right.received, left.closings.length, right.closings.length], [['a'], 1, 1])
})

test('a frozen wire tells nobody anything', async () => {
  const wire = open()
  const [left, right] = [listen(wire.ends[0]), listen(wire.ends[1])]
  wire.freeze()
  left.say('a')
  left.channel.close()
  await clock.advance(1_000)
  assert.deepEqual([right.received, right.closings, left.closings.length], [[], [], 1])
})
