import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { IndexSet } from './index-set.ts'

describe('a set of indexes', () => {
  test('holds what a set holds, in order', () => {
    const step = fc.tuple(fc.constantFrom('add', 'delete'), fc.nat({ max: 12 }))
    fc.assert(
      fc.property(fc.nat({ max: 10 }), fc.array(step, { maxLength: 60 }), (count, steps) => {
        const set = IndexSet.below(count)
        const model = new Set(Array.from({ length: count }, (_, index) => index))
        for (const [action, index] of steps) {
          set[action](index)
          model[action](index)
          const sorted = [...model].toSorted((a, b) => a - b)
          assert.deepEqual([...set], sorted)
          assert.deepEqual([set.size, set.first], [sorted.length, sorted[0]])
          for (let probe = 0; probe < 14; probe++) assert.equal(set.has(probe), model.has(probe))
        }
      }),
    )
  })

  test('of a hundred thousand is emptied one by one in no time', () => {
    const set = IndexSet.below(100_000)
    let sum = 0
    for (let first = set.first; first !== undefined; first = set.first) {
      sum += first
      set.delete(first)
    }
    assert.deepEqual([sum, set.size], [4_999_950_000, 0])
  })
})
