import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turn } from '../../runtime/turn.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { Sleepers } from './sleepers.ts'

test('thousands are woken a hundred in a turn', async () => {
  const clock = createVirtualClock(0)
  const sleepers = new Sleepers(clock, 25)
  let awake = 0
  const { signal } = new AbortController()
  const nights = Array.from({ length: 250 }, () => sleepers.sleep(60_000, signal).then(() => (awake += 1)))
  sleepers.wake()
  // Takes turns with those who are woken, and sees what each turn has brought.
  const counts: number[] = []
  const watch = (async () => {
    for (; awake < 250; await turn()) counts.push(awake)
  })()
  await clock.advance(25)
  await Promise.all([watch, ...nights])
  assert.deepEqual(new Set(counts), new Set([0, 100, 200]))
  assert.equal(sleepers.size, 0)
})
