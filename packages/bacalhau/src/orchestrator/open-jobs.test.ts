import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleJob } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { jobId, START } from './fixtures/jobs.ts'
import { newJobKey, requireJob } from './job-records.ts'
import type { OpenJob } from './open-job.ts'
import { done, failed, hear, openJobsBench as bench, SECOND, stateOf } from './fixtures/open-jobs.ts'

describe('a batch job', () => {
  test('goes from its admission to its end, and the store shows every step', async () => {
    const world = bench()
    const job = await world.admit()
    assert.deepEqual([stateOf(job), world.jobs.size, world.jobs.lines.size], ['Pending', 1, 1])
    world.jobs.wait(job, 'no room')
    const assignment = world.place(job)
    assert.deepEqual(
      world.orders.map(({ node, order }) => `${node} ${order.type}`),
      ['QmA offer'],
    )
    assert.equal(world.jobs.lines.size, 0)
    hear(world, assignment, (executionId) => ({ type: 'accepted', executionId }))
    hear(world, assignment, (executionId) => ({ type: 'progress', executionId, state: 6 }))
    hear(world, assignment, (executionId) => ({ type: 'progress', executionId, state: 7 }))
    hear(world, assignment, (executionId) => done(executionId, 12))
    const { job: last, runs, events } = await world.stored(job)
    assert.equal(last.State.StateType, 'Completed')
    assert.deepEqual(
      runs.map(({ state, result }) => [state, result?.Type]),
      [[9, 'ipfs']],
    )
    assert.deepEqual(events, [
      'Job submitted',
      'Queued. no room',
      'Requested execution on QmA',
      'Running',
      'Running',
      'Running Execution',
      'Publishing Results',
      'Completed successfully',
      'Completed',
    ])
    assert.deepEqual([world.jobs.size, world.jobs.get(job.job.ID), world.completed], [0, undefined, [['QmA', 12]]])
    assert.ok(world.changed.includes(job.job.ID))
    assert.equal(world.clock.pending, 0)
  })

  test('is complete when all of its partitions are', async () => {
    const world = bench()
    const job = await world.admit({ Count: 3 })
    const runs = [0, 1, 2].map((partition) => world.place(job, 'QmA', partition))
    for (const [index, assignment] of runs.entries()) {
      assert.equal(stateOf(job), index === 0 ? 'Pending' : 'Running')
      hear(world, assignment, done)
    }
    assert.equal(stateOf(job), 'Completed')
  })

  test('of no partitions is complete at once', async () => {
    const { jobs, store } = bench()
    const record = sampleJob({}, { ID: jobId(9), Count: 0 })
    const job = await jobs.admit({ job: record, key: newJobKey(1), since: START })
    assert.deepEqual([job.State.StateType, jobs.size], ['Completed', 0])
    assert.equal((await requireJob(store, job.ID)).job.State.StateType, 'Completed')
  })

  test('fails with the first cause, and its other runs are stopped', async () => {
    const world = bench()
    const job = await world.admit({ Count: 2 })
    const [one] = [world.place(job, 'QmA', 0), world.place(job, 'QmB', 1)]
    hear(world, one, (id) => failed(id, 'JobFailed', 'exit code 1'))
    assert.deepEqual([job.job.State.Message, job.job.State.Details?.['ErrorCode']], ['exit code 1', 'JobFailed'])
    const { runs } = await world.stored(job)
    assert.deepEqual(
      runs.map(({ state }) => state),
      [10, 11],
    )
    assert.deepEqual(world.cancelled(), ['QmB Execution stopped due to job failure'])
    assert.deepEqual(world.jobs.assignments.nodes(), [])
  })

  test('that cannot be written is not there', async () => {
    const world = bench()
    await world.store.stop()
    await assert.rejects(world.admit())
    assert.deepEqual([world.jobs.size, world.jobs.lines.size, world.clock.pending], [0, 0, 0])
  })

  test('and was stopped before its admission was confirmed is known until its end is written', async () => {
    const store = createMemoryStore()
    const confirm = Promise.withResolvers<void>()
    let [commits, full] = [0, true]
    const slow: MemoryStore = {
      ...store,
      async commit(writes) {
        commits += 1
        if (commits > 1 && full) throw new BacalhauError('DiskFull', 'no space left')
        await store.commit(writes)
        if (commits === 1) await confirm.promise
      },
    }
    const world = bench(slow)
    const admission = world.admit()
    await world.clock.advance(0)
    const open = world.jobs.get(jobId(1))
    assert.ok(open !== undefined)
    world.jobs.stop(open, 'enough')
    await assert.rejects(world.journal.flushed())
    confirm.resolve()
    await admission
    assert.equal(await world.jobs.reopen(jobId(1)), open)
    full = false
    await world.clock.advance(SECOND)
    await world.journal.flushed()
    assert.equal(world.jobs.size, 0)
  })
})

describe('its owner', () => {
  test('stops a job: its runs end, and the reason stays', async () => {
    const world = bench()
    const job = await world.admit({ Count: 2 })
    world.place(job)
    world.jobs.stop(job, 'enough')
    const { job: last, runs, events } = await world.stored(job)
    assert.deepEqual([last.State, runs.map(({ state }) => state)], [{ StateType: 'Stopped', Message: 'enough' }, [11]])
    assert.ok(events.includes('Job requested to stop before completion'))
    assert.deepEqual([world.jobs.size, world.jobs.lines.size], [0, 0])
  })

  test('updates a job while it runs: the old runs end, the new version waits, and nothing of the old counts', async () => {
    const world = bench()
    const job = await world.admit({ Count: 2 }, { Timeouts: { QueueTimeout: 10 } })
    hear(world, world.place(job), (id) => failed(id, 'InputFailed'))
    world.place(job, 'QmB', 1)
    job.refusals.set('QmC', 'no')
    const spec = { ...job.job, Count: 3, Priority: 4 }
    world.jobs.renew(job, spec, { topic: 'Submission', message: 'Job updated' })
    assert.deepEqual([job.job.Version, stateOf(job), job.refusals.size, job.troubles.size], [2, 'Pending', 0, 0])
    assert.deepEqual(world.cancelled(), ['QmB Execution stopped for job update'])
    await world.clock.advance(SECOND)
    assert.equal(job.agenda.kind === 'partitions' && job.agenda.ready.size, 3)
    assert.deepEqual(
      [...world.jobs.lines.lines()].map(({ priority, size }) => [priority, size]),
      [[4, 1]],
    )
    await world.clock.advance(9 * SECOND)
    assert.equal(stateOf(job), 'Failed')
  })

  test('updates one of many that wait, and all still wait, it behind the others', async () => {
    const world = bench()
    const jobs: OpenJob[] = []
    for (let index = 0; index < 5; index++) jobs.push(await world.admit())
    await world.clock.advance(SECOND)
    const [first, second, third, fourth, fifth] = jobs
    assert.ok(second !== undefined && third !== undefined)
    world.jobs.renew(second, second.job, { topic: 'Submission', message: 'again' })
    world.jobs.stop(third, '')
    const [line] = world.jobs.lines.lines()
    assert.deepEqual([...(line ?? [])], [first, fourth, fifth, second])
  })

  test('finds a job that has ended but is not written as ended, and not an older one in the store', async () => {
    const world = bench()
    const job = await world.admit()
    const assignment = world.place(job)
    hear(world, assignment, (executionId) => ({ type: 'accepted', executionId }))
    const shownRunning = world.journal.flushed()
    await Promise.resolve()
    await Promise.resolve()
    // A unit that shows a running job is under way.
    hear(world, assignment, done)
    await shownRunning
    assert.equal(await world.jobs.reopen(job.job.ID), job)
    const { job: last } = await world.stored(job)
    assert.deepEqual([last.State.StateType, world.jobs.size], ['Completed', 0])
  })

  test('changes a job before it is known to be written, and its admission answers what was admitted', async () => {
    const store = createMemoryStore()
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
    const world = bench({ ...store, commit: (writes) => store.commit(writes).then(() => heard) })
    const record = sampleJob({ Timeouts: { QueueTimeout: 10 } }, { ID: jobId(1) })
    const admission = world.jobs.admit({ job: record, key: newJobKey(START * 1e6), since: START })
    const job = await world.jobs.reopen(record.ID)
    world.jobs.renew(job, { ...job.job, Count: 2 }, { topic: 'Submission', message: 'Job updated' })
    assert.equal(world.clock.pending, 1)
    hear()
    const admitted = await admission
    assert.deepEqual([admitted.Version, job.job.Version, world.jobs.lines.size], [1, 2, 1])
    assert.equal(world.clock.pending, 1, 'its time is watched once')
  })

  test('finds a new version that was over at once as long as it is not written', async () => {
    const world = bench()
    const job = await world.admit()
    world.jobs.stop(job, '')
    await world.journal.flushed()
    const again = await world.jobs.reopen(job.job.ID)
    world.jobs.renew(again, { ...again.job, Count: 0 }, { topic: 'Submission', message: 'Job updated' })
    assert.equal(stateOf(again), 'Completed')
    assert.equal(await world.jobs.reopen(job.job.ID), again)
    await world.journal.flushed()
    assert.equal(world.jobs.size, 0)
  })

  test('runs an ended job once more', async () => {
    const world = bench()
    const job = await world.admit()
    hear(world, world.place(job), done)
    await world.journal.flushed()
    const [again, same] = await Promise.all([world.jobs.reopen(job.job.ID), world.jobs.reopen(job.job.ID)])
    assert.equal(again, same)
    assert.equal(world.jobs.size, 0)
    world.jobs.renew(again, again.job, { topic: 'Submission', message: 'Job rerun requested' })
    assert.deepEqual([again.job.Version, again.waits, world.jobs.get(job.job.ID)], [2, true, again])
    assert.equal(await world.jobs.reopen(job.job.ID), again)
    hear(world, world.place(again), done)
    const { runs, job: last } = await world.stored(again)
    assert.deepEqual([runs.map(({ version }) => version), last.State.StateType], [[1, 2], 'Completed'])
  })
})

describe('time', () => {
  test('in the queue ends a job that was not placed, and says why it was not', async () => {
    const world = bench()
    const job = await world.admit({}, { Timeouts: { QueueTimeout: 5 } })
    world.jobs.wait(job, 'no room')
    await world.clock.advance(5 * SECOND)
    assert.equal(stateOf(job), 'Failed')
    assert.equal(job.job.State.Details?.['ErrorCode'], 'TimeOut')
    assert.match(job.job.State.Message ?? '', /waited for a node for 5s, .*: no room$/)
  })

  test('in the queue is over once it runs', async () => {
    const world = bench()
    const job = await world.admit({}, { Timeouts: { QueueTimeout: 5 } })
    world.place(job)
    await world.clock.advance(5 * SECOND)
    assert.equal(stateOf(job), 'Pending')
  })

  test('in all ends a job, whatever it does', async () => {
    const world = bench()
    const job = await world.admit({}, { Timeouts: { TotalTimeout: 5 } })
    world.place(job)
    await world.clock.advance(5 * SECOND)
    assert.match(job.job.State.Message ?? '', /longer than 5s/)
    assert.deepEqual(world.cancelled(), ['QmA Execution stopped due to job failure'])
  })
})

test('offers of one job for one node travel together, in bounded numbers', async () => {
  const world = bench()
  const job = await world.admit({ Count: 600 })
  for (let partition = 0; partition < 600; partition++) world.jobs.place(job, { node: 'QmA', partition })
  world.jobs.sendOffers()
  world.jobs.sendOffers()
  assert.deepEqual(
    world.orders.map(({ order }) => (order.type === 'offer' ? order.executions.length : 0)),
    [512, 88],
  )
})

test('after a restart all is as it was', async () => {
  const world = bench()
  const [job, ended] = [await world.admit({ Count: 3 }), await world.admit()]
  hear(world, world.place(ended), done)
  hear(world, world.place(job, 'QmA', 0), done)
  hear(world, world.place(job, 'QmB', 1), (executionId) => ({ type: 'accepted', executionId }))
  hear(world, world.place(job, 'QmC', 2), (id) => failed(id, 'InputFailed', 'no input'))
  await world.journal.flushed()
  world.jobs.close()
  await world.journal.stop()
  assert.equal(world.clock.pending, 0)
  const { jobs, stored } = bench(world.store)
  assert.equal(await jobs.recover(), 1)
  const again = jobs.get(job.job.ID)
  assert.ok(again !== undefined)
  assert.deepEqual([again.job, again.ledger.runs()], [job.job, job.ledger.runs()])
  assert.deepEqual(again.troubles.get(2)?.failures, 1)
  assert.equal(again.firstFailure?.message, 'no input')
  assert.ok(again.agenda.kind === 'partitions')
  assert.deepEqual([again.agenda.completed, [...again.agenda.ready]], [1, [2]])
  assert.equal(jobs.assignments.load('QmB').runs, 1)
  jobs.stop(again, '')
  const { events } = await stored(again)
  assert.equal(events.at(-1), 'Stopped')
})
