import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  canExecutionBecome,
  canJobBecome,
  EXECUTION_STATES,
  type Execution,
  executionSchema,
  isFinalExecutionState,
  JOB_STATES,
  type Job,
  jobHistorySchema,
  jobSchema,
} from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob, someResources } from '../link/fixtures/samples.ts'
import { JobLedger, stateOf } from './job-ledger.ts'

const EVENT = { topic: 'Execution', message: 'x' } as const
const STATES = Object.values(EXECUTION_STATES)

/** A ledger, and what its owner is told. */
function ledgerOf(job: Partial<Job> = {}, sequence = 0) {
  let time = 1_767_225_600_000
  const assigned = new Map<string, Execution>()
  const ledger = new JobLedger(sampleJob({}, job), sequence, {
    now: () => (time += 1),
    onStart: (execution) => assigned.set(execution.ID, execution),
    onEnd: (execution) => assigned.delete(execution.ID),
  })
  return { ledger, assigned }
}

const partitionsOf = (executions: Iterable<Execution>) =>
  [...executions].map(({ PartitionIndex }) => PartitionIndex).toSorted((a, b) => a - b)

describe('the ledger of a job', () => {
  test('keeps to the state machines, counts its partitions, and writes only what it can read again', () => {
    const count = 3
    const step = fc.oneof(
      fc.record({ move: fc.nat({ max: 6 }), to: fc.constantFrom(...STATES) }),
      fc.constant('place' as const),
      fc.constant('take' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { ledger, assigned } = ledgerOf({ Count: count })
        /** What the writes so far would leave in a store. */
        const stored = new Map<string, Execution>()
        const numbers: number[] = []
        let created = 0
        const take = () => {
          for (const write of ledger.takeWrites()) {
            assert.ok(write.op === 'put')
            if (write.table === 'execution') {
              const execution = executionSchema.parse(write.value)
              stored.set(execution.ID, execution)
            }
            if (write.table === 'history') numbers.push(jobHistorySchema.parse(write.value).SeqNum)
            if (write.table === 'job') jobSchema.parse(write.value)
          }
        }
        for (const action of steps) {
          if (action === 'take') take()
          else if (action === 'place') {
            const [partition] = ledger.waiting
            if (partition !== undefined) ledger.addExecution(`e-${created++}`, 'QmNode', partition, someResources())
          } else {
            const id = `e-${action.move}`
            const before = ledger.active.get(id)
            const moved = ledger.setExecutionState(id, action.to, EVENT)
            assert.equal(moved, before !== undefined && canExecutionBecome(stateOf(before), action.to))
          }
          // Every partition is exactly one of waiting, active and completed.
          const active = partitionsOf(ledger.active.values())
          assert.equal(new Set([...ledger.waiting, ...active]).size, ledger.waiting.size + active.length)
          assert.equal(ledger.waiting.size + active.length + ledger.completed, count)
          assert.deepEqual(partitionsOf(assigned.values()), active)
          assert.ok([...ledger.active.values()].every((execution) => !isFinalExecutionState(stateOf(execution))))
        }
        take()
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index + 1),
        )

        // Read again, it is the same.
        const { ledger: again } = ledgerOf({ Count: count }, numbers.length)
        again.restore([...stored.values()])
        assert.deepEqual(new Set(again.waiting), new Set(ledger.waiting))
        assert.deepEqual([...again.active.keys()].toSorted(), [...ledger.active.keys()].toSorted())
        assert.equal(again.completed, ledger.completed)
      }),
      { numRuns: 200 },
    )
  })

  test('a job moves only as its state machine allows; anything else is a fault', () => {
    for (const from of JOB_STATES) {
      for (const to of JOB_STATES) {
        const { ledger } = ledgerOf({ State: { StateType: from } })
        if (canJobBecome(from, to)) ledger.setJobState(to, 'because')
        else assert.throws(() => ledger.setJobState(to, 'because'), /cannot go from/)
        assert.equal(ledger.job.State.StateType, canJobBecome(from, to) ? to : from)
      }
    }
  })

  test('an end takes the job out of the open ones; an opening puts it in, with its indexes', () => {
    const { ledger } = ledgerOf()
    ledger.open()
    const tables = ledger.takeWrites().map(({ op, table }) => `${op} ${table}`)
    assert.deepEqual(tables, ['put job-by-time', 'put job-by-name', 'put job-open', 'put history', 'put job'])
    ledger.setJobState('Failed', 'no')
    assert.deepEqual(
      ledger.takeWrites().map(({ op, table }) => `${op} ${table}`),
      ['delete job-open', 'put history', 'put job'],
    )
    assert.deepEqual(ledger.takeWrites(), [])
  })

  test('a wait is explained anew without an event, and the same words change nothing', () => {
    const { ledger } = ledgerOf()
    ledger.setJobState('Queued', 'no room')
    ledger.takeWrites()
    ledger.explain('no room')
    assert.deepEqual(ledger.takeWrites(), [])
    const { Revision } = ledger.job
    ledger.explain('no node')
    assert.deepEqual(
      ledger.takeWrites().map(({ table }) => table),
      ['job'],
    )
    assert.deepEqual([ledger.job.State.Message, ledger.job.Revision], ['no node', Revision + 1])
  })

  test('an end is what the orchestrator wants from then on', () => {
    const { ledger } = ledgerOf()
    ledger.addExecution('e-1', 'QmNode', 0, someResources())
    const details = { ErrorCode: 'WasmTrap' }
    ledger.setExecutionState('e-1', EXECUTION_STATES.Failed, { topic: 'Execution', message: 'trap', details })
    const last = ledger.takeWrites().findLast(({ table }) => table === 'execution')
    const { ComputeState, DesiredState, Revision } = executionSchema.parse(last?.op === 'put' ? last.value : undefined)
    assert.deepEqual(DesiredState, { StateType: 2, Message: 'trap' })
    assert.deepEqual(ComputeState, { StateType: 10, Message: 'trap', Details: details })
    assert.equal(Revision, 2)
  })

  test('ended executions cost no memory', () => {
    const { ledger } = ledgerOf({ Count: 1_000 })
    for (let partition = 0; partition < 1_000; partition++) {
      ledger.addExecution(`e-${partition}`, 'QmNode', partition, someResources())
      ledger.setExecutionState(`e-${partition}`, EXECUTION_STATES.Completed, EVENT)
    }
    assert.deepEqual([ledger.active.size, ledger.waiting.size, ledger.completed], [0, 0, 1_000])
  })
})
