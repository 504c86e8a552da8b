import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shrink } from './shrink.ts'

const forever = () => true

test('only what is needed is left, in its order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 6 }), async (needed) => {
      const items = Array.from({ length: 61 }, (_, index) => index)
      const fails = async (candidate: readonly number[]) => needed.every((one) => candidate.includes(one))
      assert.deepEqual(
        await shrink(items, fails, forever),
        needed.toSorted((a, b) => a - b),
      )
    }),
    { numRuns: 50 },
  )
})

test('it ends when there is no time left, with what was found so far', async () => {
  let tries = 0
  const fails = async (candidate: readonly number[]) => candidate.includes(0)
  const mayGoOn = () => (tries += 1) <= 3
  const left = await shrink(
    Array.from({ length: 64 }, (_, index) => index),
    fails,
    mayGoOn,
  )
  assert.ok(left.includes(0) && left.length > 1 && left.length < 64, left.join())
})

test('nothing is made of nothing', async () => {
  assert.deepEqual(await shrink([], async () => true, forever), [])
})
