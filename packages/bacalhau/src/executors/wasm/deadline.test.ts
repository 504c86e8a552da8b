import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../runtime/clock.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { deadline } from './deadline.ts'

/** A clock that takes no delay beyond what a timer of Node takes: there, it would fire at once. */
function nodeLikeClock() {
  const time = createVirtualClock()
  const clock: Clock = {
    ...time,
    after(delay, action) {
      assert.ok(delay <= 2 ** 31 - 1)
      return time.after(delay, action)
    },
  }
  return { time, clock }
}

test('fires once when the time has passed', async () => {
  const { time, clock } = nodeLikeClock()
  let fired = 0
  deadline(clock, 100, () => (fired += 1))
  await time.advance(99)
  assert.equal(fired, 0)
  await time.advance(1)
  assert.deepEqual([fired, time.pending], [1, 0])
})

test('waits longer than a single timer can', async () => {
  const { time, clock } = nodeLikeClock()
  const MONTHS = 100 * 24 * 3_600_000
  let fired = 0
  deadline(clock, MONTHS, () => (fired += 1))
  await time.advance(MONTHS - 1)
  assert.equal(fired, 0)
  await time.advance(1)
  assert.equal(fired, 1)
})

test('can be cancelled, also after its first timer', async () => {
  const { time, clock } = nodeLikeClock()
  const timer = deadline(clock, 2 ** 32, () => assert.fail('cancelled'))
  await time.advance(2 ** 31 - 1)
  timer.cancel()
  assert.equal(time.pending, 0)
})

test('0 means never', () => {
  const { time, clock } = nodeLikeClock()
  deadline(clock, 0, () => assert.fail('never')).cancel()
  assert.equal(time.pending, 0)
})
