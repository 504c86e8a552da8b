import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generate } from './generate.ts'
import { explainFailure } from './report.ts'
import { type Outcome, runPlan } from './run-plan.ts'
import type { Plan } from './script.ts'
import type { Stage } from './stage.ts'
import { GoFleet } from '../go/go-fleet.ts'

/** Kinds that are rare. */
const GO_KINDS = ['go-compute', 'go-requester'] as const

/** The first world of a kind in which a planted fault shows. */
async function firstFailure(
  kind: Plan['kind'],
  plant: (stage: Stage) => void,
  most = 60,
): Promise<Outcome | undefined> {
  for (let seed = 1, tried = 0; tried < most; seed++) {
    const plan = generate(
      seed,
      GO_KINDS.find((name) => name === kind),
    )
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

describe('a planted fault in what joins the Go program is found:', () => {
  test('a Go node that does not name the state in which an execution is', async () => {
    const found = await firstFailure('go-compute', ({ world }) => {
      for (const { worker } of world.fleet.nodes.values()) {
        const answer = worker.answer.bind(worker)
        worker.answer = (call) => answer(call)?.replace(/is in state \w+/, 'cannot do that')
      }
    })
    assert.match(found?.violation?.invariant ?? '', /every job gets what it needs|nothing is left behind/)
  })

  test('a node that speaks for others', async () => {
    const found = await firstFailure('go-compute', ({ world, watch }) => {
      world.fleet.forge = (_id, executionId) => {
        const owner = [...watch.promised].find(([, runs]) => runs.has(executionId))?.[0] ?? ''
        GoFleet.prototype.forge.call(world.fleet, owner, executionId)
      }
    })
    assert.ok(found?.violation !== undefined)
  })

  test('a callback that is given up although its requester can be reached', async () => {
    const found = await firstFailure('go-requester', ({ world }) => {
      for (const requester of world.market.requesters.values()) requester.hear = () => undefined
    })
    assert.equal(found?.violation?.invariant, 'every Go requester is told')
  })

  test('an end that is told twice, and otherwise the second time', async () => {
    const found = await firstFailure('go-requester', ({ world }) => {
      for (const requester of world.market.requesters.values()) {
        const hear = requester.hear.bind(requester)
        requester.hear = (node, { protocol, message }) => {
          hear(node, { protocol, message })
          hear(node, { protocol, message: { ...message, Again: true } })
        }
      }
    })
    assert.equal(found?.violation?.invariant, 'an execution ends in one way')
  })
})
