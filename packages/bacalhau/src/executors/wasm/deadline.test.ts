import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../runtime/clock.ts'
import { deadline } from './deadline.ts'

/** A clock that stands still until it is told; delays beyond what a timer of Node takes are a fault, as with Node. */
function manualClock() {
  let time = 0
  let timers: { at: number; action: () => void }[] = []
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    after(delay, action) {
      assert.ok(delay <= 2 ** 31 - 1, 'Node would fire at once')
      const timer = { at: time + delay, action }
      timers.push(timer)
      return { cancel: () => (timers = timers.filter((other) => other !== timer)) }
    },
  }
  const advance = (to: number) => {
    time = to
    for (const timer of timers.filter(({ at }) => at <= time)) {
      timers = timers.filter((other) => other !== timer)
      timer.action()
    }
  }
  return { clock, advance, waiting: () => timers.length }
}

test('fires once when the time has passed', () => {
  const { clock, advance, waiting } = manualClock()
  let fired = 0
  deadline(clock, 100, () => (fired += 1))
  advance(99)
  assert.equal(fired, 0)
  advance(100)
  assert.deepEqual([fired, waiting()], [1, 0])
})

test('waits longer than a single timer can', () => {
  const { clock, advance } = manualClock()
  const MONTH = 31 * 24 * 3_600_000
  let fired = 0
  deadline(clock, MONTH, () => (fired += 1))
  advance(2 ** 31 - 1)
  assert.equal(fired, 0)
  advance(MONTH - 1)
  assert.equal(fired, 0)
  advance(MONTH)
  assert.equal(fired, 1)
})

test('can be cancelled, also after its first timer', () => {
  const { clock, advance, waiting } = manualClock()
  const timer = deadline(clock, 2 ** 32, () => assert.fail('cancelled'))
  advance(2 ** 31 - 1)
  timer.cancel()
  assert.equal(waiting(), 0)
})

test('0 means never', () => {
  const { clock, waiting } = manualClock()
  deadline(clock, 0, () => assert.fail('never')).cancel()
  assert.equal(waiting(), 0)
})
