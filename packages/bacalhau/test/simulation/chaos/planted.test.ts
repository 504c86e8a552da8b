import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generate } from './generate.ts'
import { explainFailure } from './report.ts'
import { type Outcome, runPlan } from './run-plan.ts'
import type { Plan } from './script.ts'
import type { Stage } from './stage.ts'

/** The first world of a kind in which a planted fault shows. */
async function firstFailure(
  kind: Plan['kind'],
  plant: (stage: Stage) => void,
  most = 60,
): Promise<Outcome | undefined> {
  for (let seed = 1, tried = 0; tried < most; seed++) {
    const plan = generate(seed)
    if (plan.kind !== kind) continue
    tried += 1
    const outcome = await runPlan(plan, { plant })
    if (outcome.violation !== undefined) return outcome
  }
  return undefined
}

describe('a planted fault is found:', () => {
  test('a disk of the orchestrator that says that it has written before it has', async () => {
    const found = await firstFailure('crashes', ({ world }) => {
      Object.assign(world.host.machine.disk.weather, { lies: true, slowness: [5, 50] })
    })
    assert.ok(found?.violation !== undefined)
  })

  test('a unit that is written twice', async () => {
    const found = await firstFailure('calm', ({ watch }) => {
      const onUnit = watch.onUnit.bind(watch)
      let units = 0
      watch.onUnit = (writes) => {
        onUnit(writes)
        if ((units += 1) % 10 === 0) onUnit(writes)
      }
    })
    assert.match(found?.violation?.message ?? '', /without a gap|state machine/)
  })

  test('an answer before anything was written', async () => {
    const found = await firstFailure('calm', ({ world }) => {
      world.host.machine.disk.onUnit = undefined
    })
    assert.match(found?.violation?.message ?? '', /acknowledged is durable/)
  })
})

test('a disk of a compute node that says that it has written before it has is made good for', async () => {
  const found = await firstFailure(
    'crashes',
    ({ world }) => {
      for (const node of world.nodes.values())
        Object.assign(node.machine.disk.weather, { lies: true, slowness: [5, 900] })
    },
    15,
  )
  // The node does not know what it has said: the conversation begins anew, and the orchestrator settles the difference.
  assert.equal(found?.violation?.message, undefined)
})

describe('a failure is explained', () => {
  test('with its seed, its promise, how to see it again, and the fewest steps that lead there', async () => {
    const found = await firstFailure('calm', ({ world }) => (world.host.machine.disk.onUnit = undefined))
    assert.ok(found !== undefined)
    const text = await explainFailure(found, { plant: ({ world }) => (world.host.machine.disk.onUnit = undefined) })
    assert.match(text, new RegExp(`seed ${found.plan.seed} breaks a promise: what is acknowledged is durable`))
    assert.match(text, new RegExp(`npm run simulate -- --seeds 1 --from ${found.plan.seed}`))
    assert.match(text, /^1 of \d+ steps are enough:$/m)
    assert.match(text, / ms {2}(submit|update) \{"job":\d/)
    assert.match(text, /VIOLATION/)
  })
})
