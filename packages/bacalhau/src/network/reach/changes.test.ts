import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handClock } from '../fixtures/hand-clock.ts'
import { watchChanges } from './changes.ts'

function watching() {
  const hand = handClock()
  let ahead = 0
  let interfaces: Record<string, { address: string }[]> = { eth0: [{ address: '10.0.0.1' }] }
  const told: string[] = []
  const clock = { ...hand, now: () => hand.now() + ahead }
  const watch = watchChanges({ clock, onChange: (what) => told.push(what), interfaces: () => interfaces })
  return {
    hand,
    told,
    watch,
    sleep: (milliseconds: number) => (ahead += milliseconds),
    move: (...addresses: string[]) => (interfaces = { wlan0: addresses.map((address) => ({ address })) }),
  }
}

test('nothing is told while nothing happens, be the machine slow or not', async () => {
  const { hand, told, sleep } = watching()
  await hand.advance(60_000)
  sleep(9_000)
  await hand.advance(60_000)
  assert.deepEqual(told, [])
})

test('another address is another network, which address comes first is not', async () => {
  const { hand, told, move } = watching()
  move('10.0.0.1')
  await hand.advance(10_000)
  assert.deepEqual(told, [])
  move('10.0.0.1', '192.168.7.2')
  await hand.advance(2_000)
  assert.deepEqual(told, ['network'])
  move('192.168.7.2', '10.0.0.1')
  await hand.advance(10_000)
  assert.deepEqual(told, ['network'])
  move()
  await hand.advance(2_000)
  assert.deepEqual(told, ['network', 'network'])
})

test('the clock of the wall has jumped: the machine has slept', async () => {
  const { hand, told, sleep } = watching()
  await hand.advance(3_000)
  sleep(3_600_000)
  await hand.advance(2_000)
  assert.deepEqual(told, ['woke'])
  await hand.advance(60_000)
  assert.deepEqual(told, ['woke'])
})

test('it ends', async () => {
  const { hand, told, watch, move } = watching()
  await watch.stop()
  move('192.0.2.1')
  await hand.advance(10_000)
  assert.deepEqual([told, hand.pending], [[], 0])
})
