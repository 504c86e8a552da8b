import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { retryPause } from '../../../network/backoff.ts'
import { handClock } from '../../../network/fixtures/hand-clock.ts'
import { systemRandom } from '../../../runtime/random.ts'
import { Postponed } from './postponed.ts'

/** Always in the middle, so that pauses are known. */
const random = { ...systemRandom, next: () => 0.5 }

function open() {
  const clock = handClock()
  const postponed = new Postponed({ clock, random })
  const made: number[] = []
  const wait = () => postponed.wait('e', () => made.push(clock.monotonic()))
  return { clock, postponed, made, wait }
}

describe('offers that nobody had room for', () => {
  test('are made again, and wait longer every time', async () => {
    const { clock, made, wait } = open()
    let due = 0
    for (let refusals = 1; refusals <= 4; refusals++) {
      wait()
      due += retryPause(refusals, random)
      await clock.advance(due - 1 - clock.monotonic())
      assert.equal(made.length, refusals - 1)
      await clock.advance(1)
      assert.equal(made.at(-1), due)
    }
    assert.ok(retryPause(4, random) > retryPause(1, random))
  })

  test('wait once, however often they are refused meanwhile', async () => {
    const { clock, made, wait } = open()
    wait()
    wait()
    await clock.advance(1_000_000)
    assert.equal(made.length, 1)
  })

  test('begin anew when they were taken, and are not made when they are not wanted', async () => {
    const { clock, postponed, made, wait } = open()
    wait()
    wait()
    assert.equal(postponed.forget('e'), true)
    assert.equal(postponed.forget('e'), false)
    await clock.advance(1_000_000)
    assert.deepEqual(made, [])
    wait()
    await clock.advance(retryPause(1, random))
    assert.equal(made.length, 1)
  })

  test('leave no timer when the node stops', () => {
    const { clock, postponed, wait } = open()
    wait()
    postponed.stop()
    assert.equal(clock.pending, 0)
  })
})
