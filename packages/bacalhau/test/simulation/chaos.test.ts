import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generate } from './chaos/generate.ts'
import { runPlan } from './chaos/run-plan.ts'
import { KINDS } from './chaos/script.ts'
import { simulate, simulateAll } from './chaos/simulate.ts'

/** Worlds of the suite; `npm run simulate` has more. */
const SEEDS = 2_000
const AT_ONCE = 100

describe('whatever goes wrong, every acknowledged job ends once and leaves nothing behind', () => {
  for (let from = 1; from <= SEEDS; from += AT_ONCE) {
    test(`seeds ${from} to ${from + AT_ONCE - 1}`, () => simulateAll(from, AT_ONCE))
  }
})

describe('a world', () => {
  test('tells the same story every time, to the letter', async () => {
    for (const seed of [3, 14, 15, 92, 653, 589]) {
      const [first, second] = [await simulate(seed), await simulate(seed)]
      assert.equal(second.hash, first.hash, `seed ${seed}`)
      assert.deepEqual(generate(seed), generate(seed))
    }
  })

  test('tells another story from another seed', async () => {
    const hashes = await Promise.all([21, 22, 23, 24].map(async (seed) => (await simulate(seed)).hash))
    assert.equal(new Set(hashes).size, hashes.length)
  })

  test('depends on its plan alone, which can be kept and read', async () => {
    const plan = generate(7)
    const kept = JSON.parse(JSON.stringify(plan)) as typeof plan
    assert.equal((await runPlan(kept)).hash, (await runPlan(plan)).hash)
  })

  test('is of every kind now and then, and much happens in it', async () => {
    const plans = Array.from({ length: SEEDS }, (_, index) => generate(index + 1))
    assert.deepEqual(new Set(plans.map(({ kind }) => kind)), new Set(KINDS))
    const deeds = new Set(plans.flatMap(({ steps }) => steps.map(({ action }) => action.do)))
    assert.equal(deeds.size, 39, [...deeds].join())
    assert.ok(plans.some(({ nodes }) => nodes.length >= 500))
    const { moves, runs } = await simulate(3)
    assert.ok(moves > 10 && runs > 0, `${moves} moves, ${runs} runs`)
  })
})
