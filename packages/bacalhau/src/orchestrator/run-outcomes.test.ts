import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReportMessage } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignment } from './assignments.ts'
import type { OpenJob } from './open-job.ts'
import { RETRIES } from './retry.ts'
import {
  done,
  failed,
  hear,
  openJobsBench as bench,
  type OpenJobsBench as Bench,
  SECOND,
  stateOf,
} from './fixtures/open-jobs.ts'

describe('what ends badly', () => {
  test('is tried again after a pause, a few times, where it may go better', async () => {
    const world = bench()
    const job = await world.admit()
    for (let tries = 1; tries < RETRIES.failures; tries++) {
      hear(world, world.place(job), (id) => failed(id, 'InputFailed', `try ${tries}`))
      assert.equal(job.waits, false)
      await world.clock.advance(SECOND * 2 ** (tries - 1) - 1)
      assert.equal(job.waits, false)
      await world.clock.advance(1)
      assert.equal(job.waits, true)
    }
    hear(world, world.place(job), (id) => failed(id, 'InputFailed', 'the last'))
    // Not what went wrong last: what went wrong first.
    assert.equal(job.job.State.Message, `try 1 (tried ${RETRIES.failures} times)`)
    const { runs } = await world.stored(job)
    assert.deepEqual(
      runs.map(({ previous }) => previous),
      [undefined, runs[0]?.id, runs[1]?.id],
    )
    assert.deepEqual([...(job.troubleOf({ partition: 0, node: 'QmA' })?.avoid ?? [])], ['QmA'])
  })

  test('because the node was lost is placed again at once, and the node told, if it is not', async () => {
    const world = bench()
    const job = await world.admit({ Count: 2 })
    world.jobs.outcomes.lose(world.place(job), 'gone')
    assert.deepEqual([job.waits, world.cancelled()], [true, ['QmA gone']])
    world.jobs.outcomes.lose(world.place(job, 'QmB', 1), 'gone too', { told: true })
    assert.equal(world.cancelled().length, 1)
    const { runs } = await world.stored(job)
    assert.deepEqual(
      runs.map(({ state, details }) => [state, details?.['ErrorCode']]),
      [
        [10, 'NodeLost'],
        [10, 'NodeLost'],
      ],
    )
  })

  test('because its node ended it counts as lost', async () => {
    const world = bench()
    const job = await world.admit()
    hear(world, world.place(job), (executionId) => ({ type: 'cancelled', executionId, message: 'shutting down' }))
    assert.deepEqual([job.waits, job.troubleOf({ partition: 0, node: '' })?.losses], [true, 1])
  })

  test('is not tried again when the job has ended meanwhile', async () => {
    const world = bench()
    const job = await world.admit({ Count: 2 })
    hear(world, world.place(job), (id) => failed(id, 'InputFailed'))
    world.jobs.stop(job, 'enough')
    await world.clock.advance(60 * SECOND)
    assert.deepEqual([job.waits, world.jobs.lines.size, world.clock.pending], [false, 0, 0])
  })

  test('of a service is tried again for ever, its completion too', async () => {
    const world = bench()
    const job = await world.admit({ Type: 'service' })
    for (let tries = 0; tries < 2 * RETRIES.failures; tries++) {
      hear(world, world.place(job), tries % 2 === 0 ? done : (id) => failed(id, 'JobFailed'))
      await world.clock.advance(300 * SECOND)
      assert.equal(job.waits, true)
    }
    assert.equal(job.firstFailure?.message, 'execution completed unexpectedly')
    assert.deepEqual(world.completed, [])
  })

  test('beyond its time is given up, and its node told', async () => {
    const world = bench()
    const job = await world.admit()
    const assignment = world.place(job)
    world.jobs.outcomes.expire(assignment, { code: 'ExecutionTimeout', message: 'too long', hint: 'raise it' })
    assert.deepEqual(
      [stateOf(job), job.job.State.Message, job.job.State.Details?.['Hint']],
      ['Failed', 'too long', 'raise it'],
    )
    assert.deepEqual(world.cancelled(), ['QmA too long'])
  })
})

describe('an offer that comes to nothing', () => {
  const refuse =
    (later: boolean) =>
    (executionId: string): ReportMessage => ({ type: 'refused', executionId, reason: 'no', later })

  test('for want of room holds nothing against the node', async () => {
    const world = bench()
    const job = await world.admit()
    hear(world, world.place(job), refuse(true))
    assert.deepEqual([job.waits, job.refusals.size, job.troubles.size, stateOf(job)], [true, 0, 0, 'Pending'])
    assert.deepEqual(
      (await world.stored(job)).runs.map(({ state, message }) => [state, message]),
      [[4, 'rejected bid: no']],
    )
  })

  test('for good is remembered', async () => {
    const world = bench()
    const job = await world.admit()
    hear(world, world.place(job), refuse(false))
    assert.deepEqual([job.waits, [...job.refusals]], [true, [['QmA', 'no']]])
  })

  test('after it was accepted is not believed', async () => {
    const world = bench()
    const job = await world.admit()
    const assignment = world.place(job)
    hear(world, assignment, (executionId) => ({ type: 'accepted', executionId }))
    hear(world, assignment, refuse(false))
    assert.deepEqual([job.waits, job.ledger.active, job.refusals.size], [false, 1, 0])
  })

  test('because it was not answered is withdrawn', async () => {
    const world = bench()
    const job = await world.admit()
    world.jobs.outcomes.withdraw(world.place(job), 'no answer')
    assert.deepEqual([job.waits, job.troubles.size, world.cancelled()], [true, 0, ['QmA no answer']])
    assert.deepEqual(
      (await world.stored(job)).runs.map(({ state }) => state),
      [11],
    )
  })
})

describe('a job that runs everywhere', () => {
  const begin = (world: Bench, job: OpenJob, ...nodes: string[]): Assignment[] => {
    const placed = nodes.map((node) => world.place(job, node))
    if (job.agenda.kind === 'targets') job.agenda.begin()
    return placed
  }

  test('once is complete when all of its runs are', async () => {
    const world = bench()
    const job = await world.admit({ Type: 'ops' })
    assert.equal(world.jobs.everywhere.has(job), true)
    const [a, b] = begin(world, job, 'QmA', 'QmB')
    assert.ok(a !== undefined && b !== undefined)
    hear(world, a, done)
    assert.equal(stateOf(job), 'Running')
    hear(world, b, done)
    assert.equal(stateOf(job), 'Completed')
    assert.equal(world.jobs.everywhere.has(job), false)
  })

  test('once fails when one has failed, but lets the others end', async () => {
    const world = bench()
    const job = await world.admit({ Type: 'ops' })
    const [a, b] = begin(world, job, 'QmA', 'QmB')
    assert.ok(a !== undefined && b !== undefined)
    hear(world, a, (id) => failed(id, 'JobFailed', 'exit code 1'))
    assert.equal(stateOf(job), 'Running')
    hear(world, b, done)
    assert.equal(job.job.State.Message, 'Job failed because one or more executions failed: exit code 1')
  })

  test('tries a node that had no room once more, and does not end before', async () => {
    const world = bench()
    const job = await world.admit({ Type: 'ops' })
    const [a] = begin(world, job, 'QmA')
    assert.ok(a !== undefined)
    hear(world, a, (executionId) => ({ type: 'refused', executionId, reason: 'full', later: true }))
    const wants = () => job.agenda.kind === 'targets' && job.agenda.wants('QmA')
    assert.deepEqual([job.ledger.isOver, wants()], [false, false])
    await world.clock.advance(LIMITS.refusalPause)
    assert.equal(wants(), true)
  })

  test('for ever replaces a run that ended at its node', async () => {
    const world = bench()
    const job = await world.admit({ Type: 'daemon' })
    const [a] = begin(world, job, 'QmA')
    assert.ok(a !== undefined)
    hear(world, a, done)
    await world.clock.advance(SECOND)
    assert.equal(job.agenda.kind === 'targets' && job.agenda.wants('QmA'), true)
  })
})
