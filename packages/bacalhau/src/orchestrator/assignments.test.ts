import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addResources, EXECUTION_STATES, NO_RESOURCES } from '@bacalhau/models'
import fc from 'fast-check'
import { someResources } from '../link/fixtures/samples.ts'
import { Assignments } from './assignments.ts'
import { openJob, someRun } from './fixtures/jobs.ts'

describe('assignments', () => {
  const job = openJob()

  test('sum up what each node has, whatever comes and goes', () => {
    const step = fc.record({ id: fc.nat({ max: 9 }), add: fc.boolean(), cpu: fc.constantFrom(0.1, 0.2, 0.7, 3) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const assignments = new Assignments()
        const model = new Map<string, ReturnType<typeof someRun>>()
        for (const { id, add, cpu } of steps) {
          const name = `e-${id}`
          const known = model.get(name)
          if (add && known === undefined) {
            const run = someRun({ id: name, node: `n${id % 3}`, resources: someResources({ CPU: cpu }) })
            model.set(name, run)
            assignments.add(job, run)
          } else if (!add) {
            assignments.remove(known ?? someRun({ id: name, node: `n${id % 3}` }))
            model.delete(name)
          }
          for (const node of ['n0', 'n1', 'n2']) {
            const here = [...model.values()].filter((run) => run.node === node)
            const used = here.reduce((sum, { resources }) => addResources(sum, resources), NO_RESOURCES)
            assert.deepEqual(assignments.load(node), { used, runs: here.length })
            assert.deepEqual(new Set(assignments.on(node).map(({ run }) => run)), new Set(here))
          }
          assert.deepEqual(new Set(assignments.nodes()), new Set([...model.values()].map(({ node }) => node)))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('are found only at the node that has them', () => {
    const assignments = new Assignments()
    const run = someRun()
    assignments.add(job, run)
    assert.deepEqual(assignments.find('QmNode', 'e-1'), { job, run })
    assert.equal(assignments.find('QmOther', 'e-1'), undefined)
    assert.equal(assignments.find('QmNode', 'e-2'), undefined)
    assignments.remove(run)
    assert.equal(assignments.find('QmNode', 'e-1'), undefined)
  })

  test('are counted as running once they have begun, and before that as waiting', () => {
    const assignments = new Assignments()
    const { New, BidAccepted, Running, Publishing } = EXECUTION_STATES
    for (const state of [New, BidAccepted, Running, Publishing])
      assignments.add(job, someRun({ id: `e-${state}`, state }))
    assert.deepEqual(assignments.counts('QmNode'), { running: 2, waiting: 2 })
    assert.deepEqual(assignments.counts('QmOther'), { running: 0, waiting: 0 })
  })
})
