import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { statisticsOf } from './statistics.ts'

test('a series with losses', () => {
  assert.deepEqual(statisticsOf([5, undefined, 1, 9]), {
    Sent: 4,
    Received: 3,
    LossPercent: 25,
    MinMs: 1,
    MedianMs: 5,
    MaxMs: 9,
  })
})

test('nothing was answered, or asked', () => {
  assert.deepEqual(statisticsOf([undefined]), { Sent: 1, Received: 0, LossPercent: 100 })
  assert.deepEqual(statisticsOf([]), { Sent: 0, Received: 0, LossPercent: 0 })
})

test('the median lies between the least and the most, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, noNaN: true }), { minLength: 1 }), (times) => {
      const { MinMs = NaN, MedianMs = NaN, MaxMs = NaN } = statisticsOf(times)
      assert.ok(MinMs <= MedianMs && MedianMs <= MaxMs && times.includes(MedianMs))
    }),
  )
})
