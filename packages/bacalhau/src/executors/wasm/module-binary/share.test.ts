import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shareLimit } from './share.ts'

test('one memory gets all, up to its own maximum', () => {
  assert.deepEqual(shareLimit([{ min: 1 }], 100), [100])
  assert.deepEqual(shareLimit([{ min: 1, max: 7 }], 100), [7])
})

test('several share what is left over their minimums', () => {
  assert.deepEqual(shareLimit([{ min: 10 }, { min: 2 }], 100), [54, 46])
  assert.deepEqual(shareLimit([{ min: 0 }, { min: 0, max: 5 }, { min: 0 }], 100), [47, 5, 48])
})

test('nothing is given when the minimums do not fit', () => {
  assert.equal(shareLimit([{ min: 60 }, { min: 41 }], 100), undefined)
  assert.deepEqual(shareLimit([{ min: 60 }, { min: 40 }], 100), [60, 40])
  assert.deepEqual(shareLimit([], 0), [])
})

test('the sum never exceeds the limit, and nobody gets less than the minimum or more than the maximum (property)', () => {
  const bounds = fc.record({ min: fc.nat(100), max: fc.option(fc.nat(200), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(bounds, { maxLength: 8 }), fc.nat(1_000), (requests, limit) => {
      const given = requests.map(({ min, max }) => (max === undefined ? { min } : { min, max: Math.max(min, max) }))
      const shares = shareLimit(given, limit)
      const needed = given.reduce((sum, { min }) => sum + min, 0)
      if (shares === undefined) return assert.ok(needed > limit)
      assert.ok(shares.reduce((sum, share) => sum + share, 0) <= limit)
      for (const [index, { min, max = Infinity }] of given.entries()) {
        const share: number = shares[index] ?? -1
        assert.ok(share >= min && share <= max)
      }
    }),
  )
})
