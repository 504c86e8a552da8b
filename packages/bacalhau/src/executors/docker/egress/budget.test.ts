import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createVirtualClock, settle } from '../../../runtime/virtual-clock.ts'
import { createBudget } from './budget.ts'

const never = new AbortController().signal

describe('what a job may take of the network', () => {
  test('goes at once up to a quarter of a second of its rate, and then at that rate', async () => {
    const clock = createVirtualClock()
    const budget = createBudget({ bytes: 1e9, rate: 1_000 }, clock, never)
    await budget.take(250)
    let gone = 0
    for (let count = 0; count < 4; count += 1) void budget.take(500).then(() => (gone += 500))
    const seen: number[] = []
    for (let half = 0; half < 4; half += 1) {
      await clock.advance(500)
      await settle()
      seen.push(gone)
    }
    assert.deepEqual(seen, [500, 1_000, 1_500, 2_000])
  })

  test('is never more than its rate and one burst, however it is asked for (property)', async () => {
    const asks = fc.array(fc.record({ count: fc.nat(5_000), pause: fc.nat(2_000) }), { maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(asks, async (list) => {
        const clock = createVirtualClock()
        // A byte a millisecond.
        const budget = createBudget({ bytes: Infinity, rate: 1_000 }, clock, never)
        const begin = clock.monotonic()
        for (const { count, pause } of list) {
          await clock.advance(pause)
          let at = 0
          const taking = budget.take(count).then(() => (at = clock.monotonic()))
          await clock.advance(count)
          await taking
          assert.ok(budget.used <= 250 + (at - begin))
        }
      }),
      { numRuns: 20 },
    )
  })

  test('ends when it is used up, for good, and with the job', async () => {
    const clock = createVirtualClock()
    const over = new AbortController()
    const budget = createBudget({ bytes: 100, rate: 10 }, clock, over.signal)
    const waiting = budget.take(100)
    assert.equal(budget.exceeded.aborted, false)
    await assert.rejects(budget.take(1))
    await assert.rejects(budget.take(0))
    assert.deepEqual([budget.used, budget.exceeded.aborted], [101, true])
    over.abort(new Error('the job has ended'))
    await assert.rejects(waiting, /the job has ended/)
    await assert.rejects(budget.take(1), /the job has ended/)
    assert.equal(clock.pending, 0)
  })
})
