import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob } from '../link/fixtures/samples.ts'
import { JobBook } from './job-book.ts'
import { type OpenJob, openJob } from './open-job.ts'

const HOST = { now: () => 1_767_225_600_000, onStart: () => undefined, onEnd: () => undefined }
const EVENT = { topic: 'Execution', message: 'x' } as const

function job(index: number, Priority: number, age: number, CPU: string): OpenJob {
  const record = sampleJob({ Resources: { CPU } }, { ID: `j-${index}`, Priority, CreateTime: 1e18 + age * 1_000_000 })
  return openJob(record, [], 0, HOST)
}

test('the line holds exactly the jobs that wait, by priority, then age, and counts their shapes', () => {
  const someJob = fc.tuple(fc.integer({ min: -1, max: 1 }), fc.nat({ max: 3 }), fc.constantFrom('1', '2'))
  const step = fc.tuple(fc.nat({ max: 9 }), fc.constantFrom('add', 'place', 'reject', 'complete', 'stop', 'remove'))
  fc.assert(
    fc.property(
      fc.array(someJob, { minLength: 1, maxLength: 10 }),
      fc.array(step, { maxLength: 60 }),
      (specs, steps) => {
        const book = new JobBook()
        const jobs = specs.map(([priority, age, cpu], index) => job(index, priority, age, cpu))
        const known = new Set<OpenJob>()
        let created = 0
        for (const [index, action] of steps) {
          const target = jobs[index % jobs.length]
          if (target === undefined) continue
          const { ledger } = target
          const over = ['Stopped', 'Completed'].includes(ledger.job.State.StateType)
          const [partition] = ledger.waiting
          const [execution] = ledger.active.keys()
          if (action === 'place' && partition !== undefined && !over)
            ledger.addExecution(`e-${created++}`, 'QmNode', partition, target.resources)
          if (action === 'reject' && execution !== undefined)
            ledger.setExecutionState(execution, EXECUTION_STATES.AskForBidRejected, EVENT)
          if (action === 'complete' && execution !== undefined)
            ledger.setExecutionState(execution, EXECUTION_STATES.Completed, EVENT)
          if (action === 'stop' && !over) ledger.setJobState('Stopped', '')
          book.update(target)
          known.add(target)
          if (action === 'remove' && ledger.job.State.StateType === 'Stopped') {
            book.remove(target)
            known.delete(target)
          }

          const waiting = [...known].filter(
            (each) => each.ledger.waiting.size > 0 && each.ledger.job.State.StateType !== 'Stopped',
          )
          const ordered = waiting.toSorted(
            (a, b) =>
              b.ledger.job.Priority - a.ledger.job.Priority ||
              a.ledger.job.CreateTime - b.ledger.job.CreateTime ||
              (a.ledger.job.ID < b.ledger.job.ID ? -1 : 1),
          )
          assert.deepEqual(
            book.line.map(({ ledger }) => ledger.job.ID),
            ordered.map(({ ledger }) => ledger.job.ID),
          )
          assert.equal(book.shapes, new Set(waiting.map(({ shape }) => shape)).size)
          assert.equal(book.size, known.size)
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('jobs have one shape exactly when they suit the same nodes and need the same room', () => {
  const shape = (task: object, record: object = {}) => openJob(sampleJob(task, record), [], 0, HOST).shape
  const base = shape({})
  const input = (Type: string) => ({ Source: { Type }, Alias: '', Target: '/in' })
  assert.equal(
    shape({ Engine: { Type: 'SCRIPT', Params: { any: 1 } }, Env: { A: 'b' } }, { Priority: 7, ID: 'j-2' }),
    base,
  )
  assert.equal(shape({ Resources: { CPU: '500m', Memory: '512mb' } }), base, 'what is not given is the default')
  const different = [
    shape({ Engine: { Type: 'wasm' } }),
    shape({ Publisher: { Type: 'ipfs' } }),
    shape({ Resources: { CPU: '1' } }),
    shape({ InputSources: [input('s3')] }),
    shape({}, { Constraints: [{ Key: 'a', Operator: 'exists' }] }),
    base,
  ]
  assert.equal(new Set(different).size, different.length)
  assert.equal(
    shape({ InputSources: [input('a'), input('B')] }),
    shape({ InputSources: [input('b'), input('A'), input('a')] }),
  )
})

test('ten thousand jobs join and leave the line quickly enough to do it at each change', () => {
  const book = new JobBook()
  const jobs = Array.from({ length: 10_000 }, (_, index) => job(index, index % 7, index, '1'))
  for (const each of jobs) book.update(each)
  assert.equal(book.line.length, 10_000)
  for (const each of jobs) {
    each.ledger.setJobState('Stopped', '')
    book.update(each)
  }
  assert.deepEqual([book.line.length, book.shapes], [0, 0])
})
