import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { Pauses } from './pauses.ts'

function bench() {
  const clock = createVirtualClock()
  let over = 0
  const pauses = new Pauses(clock, () => (over += 1))
  /** Milliseconds until the pause is over. */
  const length = async () => {
    const start = clock.monotonic()
    while (pauses.isPaused('shape', 'node')) await clock.advance(500)
    return clock.monotonic() - start
  }
  return { clock, pauses, length, over: () => over }
}

test('each refusal in a row pauses for twice as long, up to a bound', async () => {
  const { pauses, length, over } = bench()
  const lengths: number[] = []
  for (let count = 0; count < 9; count++) {
    pauses.begin('shape', 'node')
    lengths.push(await length())
  }
  assert.deepEqual(lengths, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  assert.equal(over(), 9)
})

test('several refusals at once are one', async () => {
  const { pauses, length, clock } = bench()
  for (let count = 0; count < 5; count++) pauses.begin('shape', 'node')
  assert.equal(await length(), LIMITS.refusalPause)
  pauses.begin('shape', 'node')
  assert.equal(await length(), 2 * LIMITS.refusalPause)
  assert.equal(clock.pending, 1)
})

test('a node that took a job, or was left alone for as long again, begins anew', async () => {
  const { pauses, length, clock } = bench()
  pauses.begin('shape', 'node')
  await length()
  pauses.end('shape', 'node')
  pauses.begin('shape', 'node')
  assert.equal(await length(), LIMITS.refusalPause)
  await clock.advance(LIMITS.refusalPause)
  assert.equal(clock.pending, 0)
  pauses.begin('shape', 'node')
  assert.equal(await length(), LIMITS.refusalPause)
})

test('other shapes and other nodes are not concerned', () => {
  const { pauses, clock } = bench()
  pauses.begin('shape', 'node')
  assert.deepEqual(
    [pauses.isPaused('shape', 'node'), pauses.isPaused('shape', 'other'), pauses.isPaused('other', 'node')],
    [true, false, false],
  )
  pauses.end('other', 'node')
  assert.equal(pauses.isPaused('shape', 'node'), true)
  pauses.stop()
  assert.deepEqual([pauses.isPaused('shape', 'node'), clock.pending], [false, 0])
})
