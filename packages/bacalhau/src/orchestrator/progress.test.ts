import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, JobState } from '@bacalhau/models'
import { someResources } from '../link/fixtures/samples.ts'
import { openJob } from './fixtures/jobs.ts'
import { toExecution } from './run.ts'
import { withEnd, withPreparation, withProgress } from './progress.ts'

function message(
  job: Partial<Job>,
  state: JobState,
  reason?: string,
  { done = 0, placed = 0 } = {},
): string | undefined {
  return shown(job, state, reason, { done, placed }).State.Message
}

function shown(job: Partial<Job>, state: JobState, reason?: string, { done = 0, placed = 0 } = {}): Job {
  const open = openJob({ job: { ...job, State: { StateType: state, Message: 'as stored' } } })
  const { agenda, ledger } = open
  for (let partition = 0; partition < placed; partition++)
    ledger.addRun(`e-${partition}`, 'QmNode', partition, someResources())
  if (agenda.kind === 'partitions') for (let count = 0; count < done; count++) agenda.complete()
  return withProgress(open.job, open, reason)
}

test('a queued job says why it waits at this moment', () => {
  assert.equal(message({}, 'Queued', 'no room'), 'no room')
  assert.equal(message({}, 'Queued'), 'as stored')
})

test('a task array says how far it is, in one line', () => {
  const counts = { done: 3, placed: 2 }
  assert.equal(message({ Count: 10 }, 'Running', 'no room', counts), '3 of 10 done, 2 placed, 5 waiting (no room)')
  assert.equal(message({ Count: 10 }, 'Running', undefined, counts), '3 of 10 done, 2 placed, 5 waiting')
  assert.equal(message({ Count: 5 }, 'Running', undefined, counts), '3 of 5 done, 2 placed')
})

test('a task array is counted, whatever its state', () => {
  const Progress = { Total: 10, Completed: 3, Running: 2, Waiting: 5 }
  for (const state of ['Pending', 'Queued', 'Running'] as const)
    assert.deepEqual(shown({ Count: 10 }, state, undefined, { done: 3, placed: 2 }).Progress, Progress)
  const service = shown({ Count: 4, Type: 'service' }, 'Running', undefined, { placed: 3 })
  assert.deepEqual(service.Progress, { Total: 4, Completed: 0, Running: 3, Waiting: 1 })
  for (const job of [{ Count: 1 }, { Type: 'ops', Count: 5 }] as const)
    assert.equal('Progress' in shown(job, 'Running'), false)
})

test('one that has ended is counted when all of it is done', () => {
  const ended = (job: Partial<Job>, StateType: JobState) =>
    withEnd({ ...openJob().job, ...job, State: { StateType } }).Progress
  assert.deepEqual(ended({ Count: 3 }, 'Completed'), { Total: 3, Completed: 3, Running: 0, Waiting: 0 })
  for (const [job, state] of [
    [{ Count: 3 }, 'Failed'],
    [{ Count: 1 }, 'Completed'],
    [{ Count: 3, Type: 'ops' }, 'Completed'],
  ] as const)
    assert.equal(ended(job, state), undefined)
})

test('what else there is stays as it is', () => {
  assert.equal(message({ Count: 1 }, 'Running', 'no room'), 'as stored')
  assert.equal(message({ Type: 'ops', Count: 5 }, 'Running', 'no room'), 'as stored')
  for (const state of ['Pending', 'Completed', 'Failed'] as const)
    assert.equal(message({ Count: 9 }, state, 'x'), 'as stored')
})

test('an earlier version is not touched', () => {
  const open = openJob({ job: { Version: 2, State: { StateType: 'Queued' } } })
  const old: Job = { ...open.job, Version: 1 }
  assert.equal(withProgress(old, open, 'no room'), old)
})

test('the only run of a job says how far it is before it begins, and of several each for itself', () => {
  const open = openJob({ job: { State: { StateType: 'Running', Message: 'as stored' } } })
  const { ledger } = open
  const run = ledger.addRun('e-1', 'QmNode', 0, someResources())
  const words = () => [
    withProgress(open.job, open, undefined).State.Message,
    withPreparation(toExecution(run, open.job), open).ComputeState,
  ]
  assert.deepEqual(words(), ['as stored', { StateType: 1 }])
  assert.deepEqual([ledger.prepare('e-1', '34 %'), ledger.prepare('e-1', '34 %')], [true, false])
  const shown = { StateType: 1, Message: '34 %', Details: { Preparing: '34 %' } }
  assert.deepEqual(words(), ['34 %', shown])
  ledger.moveRun('e-1', 5, { message: 'Running', details: { NodeID: 'QmNode' } })
  const Details = { NodeID: 'QmNode', Preparing: '34 %' }
  assert.deepEqual(words(), ['34 %', { StateType: 5, Message: '34 %', Details }])
  ledger.addRun('e-2', 'QmNode', 1, someResources())
  assert.equal(words()[0], 'as stored')
  ledger.moveRun('e-1', 6, { message: 'Running Execution' })
  assert.deepEqual(words(), ['as stored', { StateType: 6, Message: 'Running Execution' }])
  assert.equal(ledger.prepare('e-1', 'too late'), false)
  assert.equal(ledger.prepare('e-none', 'of nobody'), false)
})

test('nothing of it is written', () => {
  const { ledger } = openJob()
  ledger.addRun('e-1', 'QmNode', 0, someResources())
  ledger.takeWrites()
  ledger.prepare('e-1', '34 %')
  assert.deepEqual([ledger.isTaken, ledger.takeWrites()], [true, []])
})
