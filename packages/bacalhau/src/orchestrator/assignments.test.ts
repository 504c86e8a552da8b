import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addResources, EXECUTION_STATES, type Execution, NO_RESOURCES } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob } from '../link/fixtures/samples.ts'
import { Assignments } from './assignments.ts'
import { openJob } from './open-job.ts'

const HOST = { now: () => 0, onStart: () => undefined, onEnd: () => undefined }
const jobs = ['0.1', '0.3', '2'].map((CPU, index) =>
  openJob(sampleJob({ Resources: { CPU } }, { ID: `j-${index}`, Count: 1_000 }), [], 0, HOST),
)

test('what is on each node is what was added and not removed, whatever happens in between', () => {
  const step = fc.record({
    id: fc.nat({ max: 12 }),
    node: fc.constantFrom('QmA', 'QmB'),
    job: fc.nat({ max: 2 }),
    action: fc.constantFrom('add', 'answer', 'remove'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const assignments = new Assignments()
      const model = new Map<string, { execution: Execution; job: (typeof jobs)[number]; answered: boolean }>()
      for (const { id, node, job: index, action } of steps) {
        const job = jobs[index]
        const known = model.get(`e-${id}`)
        if (action === 'add' && known === undefined && job !== undefined) {
          const execution = job.ledger.addExecution(`e-${id}`, node, 0, job.resources)
          assignments.add(job, execution)
          model.set(execution.ID, { execution, job, answered: false })
        }
        if (known !== undefined && action === 'answer') {
          assignments.answered(known.execution)
          known.answered = true
        }
        if (known !== undefined && action === 'remove') {
          assignments.remove(known.execution)
          assignments.remove(known.execution)
          model.delete(known.execution.ID)
        }

        for (const nodeId of ['QmA', 'QmB']) {
          const here = [...model.values()].filter(({ execution }) => execution.NodeID === nodeId)
          assert.deepEqual(assignments.load(nodeId), {
            used: here.reduce((sum, { job }) => addResources(sum, job.resources), NO_RESOURCES),
            executions: here.length,
            unanswered: here.reduce((sum, { job, answered }) => sum + (answered ? 0 : job.offerBytes), 0),
          })
          assert.deepEqual(
            new Map(assignments.on(nodeId)),
            new Map(here.map(({ execution, job }) => [execution.ID, job])),
          )
          for (const { execution, job } of here) {
            assert.equal(assignments.jobOf(nodeId, execution.ID), job)
            assert.equal(assignments.jobOf('QmOther', execution.ID), undefined)
          }
        }
        assert.deepEqual(
          new Set(assignments.nodes()),
          new Set([...model.values()].map(({ execution }) => execution.NodeID)),
        )
      }
    }),
    { numRuns: 100 },
  )
})

test('what a restart finds accepted is not waited for', () => {
  const assignments = new Assignments()
  const [job] = jobs
  assert.ok(job !== undefined)
  const execution = job.ledger.addExecution('e-restored', 'QmA', 0, job.resources)
  assignments.add(job, { ...execution, ComputeState: { StateType: EXECUTION_STATES.BidAccepted } })
  assert.equal(assignments.load('QmA').unanswered, 0)
})
