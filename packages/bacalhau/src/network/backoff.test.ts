import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Random, seededRandom } from '../runtime/random.ts'
import { afterMishap, type Mishap, NO_MISHAPS, retryPause } from './backoff.ts'

/** Leaves nothing out, so that the pauses are at their longest. */
const fullPause: Random = { next: () => 0, bytes: (length) => new Uint8Array(length) }

/** The pauses that follow `mishaps`, in order. */
function pauses(mishaps: Mishap[], random = fullPause): number[] {
  let state = NO_MISHAPS
  return mishaps.map((mishap) => {
    const after = afterMishap(state, mishap, random)
    state = after.mishaps
    return after.pause
  })
}

test('the pause doubles up to its bound', () => {
  const retries = [1, 2, 3, 4, 5, 6, 7, 8, 2000]
  assert.deepEqual(
    retries.map((retry) => retryPause(retry, fullPause)),
    [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
  )
})

test('the pause keeps at least half of itself, and differs from node to node', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(), (retry, seed) => {
      const full = retryPause(retry, fullPause)
      const pause = retryPause(retry, seededRandom(seed))
      assert.ok(pause > full / 2 - 1 && pause <= full)
    }),
  )
  assert.notEqual(retryPause(3, seededRandom(1)), retryPause(3, seededRandom(2)))
})

test('failures wait longer and longer', () => {
  assert.deepEqual(pauses(['failed', 'failed', 'failed']), [500, 1000, 2000])
})

test('a lost connection is tried again at once, and makes earlier failures forgotten', () => {
  assert.deepEqual(pauses(['failed', 'failed', 'lost soon', 'failed', 'failed']), [500, 1000, 0, 500, 500])
  assert.deepEqual(pauses(['lost late', 'lost late', 'lost late']), [0, 0, 0])
})

test('a peer that throws us out again and again is waited for', () => {
  assert.deepEqual(pauses(['lost soon', 'lost soon', 'lost soon', 'lost soon']), [0, 500, 1000, 2000])
  assert.deepEqual(pauses(['lost soon', 'lost soon', 'lost late', 'lost soon']), [0, 500, 0, 0])
})

test('a connection that was there a moment ago is sought with hardly a pause, for some two minutes', () => {
  const after = pauses(['lost late', ...Array<Mishap>(70).fill('failed')])
  assert.ok(after.slice(0, 61).every((pause) => pause <= 500))
  assert.deepEqual(after.slice(61, 65), [500, 1000, 2000, 4000])
})

test('a stranger at the address waits longest from the start', () => {
  assert.deepEqual(pauses(['stranger', 'stranger']), [30_000, 30_000])
})

test('no history makes a pause that is negative, endless or not a number', () => {
  const mishap = fc.constantFrom<Mishap>('failed', 'stranger', 'lost soon', 'lost late')
  fc.assert(
    fc.property(fc.array(mishap, { maxLength: 100 }), fc.nat(), (history, seed) => {
      for (const pause of pauses(history, seededRandom(seed))) assert.ok(pause >= 0 && pause <= 30_000)
    }),
  )
})
