import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, JobState } from '@bacalhau/models'
import { someResources } from '../link/fixtures/samples.ts'
import { openJob } from './fixtures/jobs.ts'
import { withEnd, withProgress } from './progress.ts'

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
