import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job, JobState } from '@bacalhau/models'
import { packEvent } from '../../../src/orchestrator/history.ts'
import { historyKey, runKey } from '../../../src/orchestrator/job-records.ts'
import type { Run } from '../../../src/orchestrator/run.ts'
import { sampleJob, someResources } from '../../../src/link/fixtures/samples.ts'
import { put, remove, type Write } from '../../../src/store/store.ts'
import { RecordWatch } from './record-watch.ts'

const KEY = '000000000000000001'

/** A watch, and the units of a job that is in order: what is different in one of them must be noticed. */
function bench() {
  const broken: string[] = []
  const watch = new RecordWatch(({ invariant }) => broken.push(invariant))
  let sequence = 0
  const event = (
    message: string,
    { state, run, version = 1 }: { state?: JobState; run?: string; version?: number } = {},
  ) => {
    sequence += 1
    const details = state === undefined ? undefined : { NewState: state }
    const packed = packEvent({ sequence, time: 0, version, topic: 'Execution', message, executionId: run, details })
    return put('history', historyKey(KEY, sequence), [packed])
  }
  return { broken, watch, event, skip: () => (sequence += 1), unit: (...writes: Write[]) => watch.onUnit(writes) }
}

const job = (StateType: JobState, fields: Partial<Job> = {}): Write => {
  const record = sampleJob({}, { State: { StateType }, ...fields })
  return put('job', record.ID, { job: record, key: KEY, since: 0 })
}
const run = (state: Run['state'], fields: Partial<Run> = {}, ordinal = 0): Write => {
  const whole: Run = {
    id: `e-${ordinal}`,
    version: 1,
    node: 'QmA',
    partition: 0,
    resources: someResources(),
    state,
    revision: state,
    created: 0,
    modified: 0,
    ...fields,
  }
  return put('execution', runKey(KEY, ordinal), whole)
}

/** A job with one run, on its way. */
function running() {
  const world = bench()
  const { event, unit } = world
  unit(event('Job submitted'), job('Pending'))
  unit(event('Requested', { run: 'e-0' }), run(1))
  unit(
    event('Running', { run: 'e-0' }),
    run(6),
    event('Running', { state: 'Running' }),
    job('Running', { Revision: 2 }),
  )
  assert.deepEqual(world.broken, [])
  return world
}

describe('a job in order', () => {
  test('breaks no promise from its submission to its rerun', () => {
    const { broken, event, unit, watch } = running()
    unit(
      event('done', { run: 'e-0' }),
      run(9),
      event('Completed', { state: 'Completed' }),
      job('Completed', { Revision: 3 }),
    )
    unit(event('again', { version: 2 }), job('Pending', { Version: 2, Revision: 4 }))
    unit(event('Requested', { run: 'e-1', version: 2 }), run(1, { version: 2 }, 1))
    unit(event('done', { run: 'e-1', version: 2 }), run(9, { version: 2 }, 1))
    assert.deepEqual([broken, watch.jobs.size, watch.moves > 5], [[], 1, true])
  })

  test('may make several moves in one unit', () => {
    const { broken, event, unit } = bench()
    const moves = [event('Job submitted'), event('Queued', { state: 'Queued' }), event('Running', { state: 'Running' })]
    unit(...moves, event('Completed', { state: 'Completed' }), job('Completed'))
    assert.deepEqual(broken, [])
  })

  test('shows what is promised to each node, until it has ended', () => {
    const { event, unit, watch } = running()
    const promised = () => [...(watch.promised.get('QmA')?.keys() ?? [])]
    assert.deepEqual([promised(), [...watch.takeTouched()], [...watch.takeTouched()]], [['e-0'], ['QmA'], []])
    unit(event('done', { run: 'e-0' }), run(9))
    assert.deepEqual(promised(), [])
  })

  test('is known after a disk was set back to what it was then', () => {
    const { broken, unit, event, watch } = running()
    const copy = [event('Job submitted'), job('Pending')]
    watch.forget()
    watch.load(copy)
    assert.deepEqual(
      [...watch.jobs.values()].map(({ job }) => job.State.StateType),
      ['Pending'],
    )
    unit(event('Queued', { state: 'Queued' }), job('Queued'))
    assert.deepEqual(broken, [])
  })
})

describe('a broken promise is noticed:', () => {
  /** What is broken by a unit after those of a running job. */
  const after = (name: string, invariant: string, write: (world: ReturnType<typeof running>) => Write[]): void => {
    test(name, () => {
      const world = running()
      world.unit(...write(world))
      assert.ok(world.broken.includes(invariant), world.broken.join(', ') || 'nothing was noticed')
    })
  }
  const ended = (world: ReturnType<typeof running>) =>
    world.unit(
      world.event('done', { run: 'e-0' }),
      run(9),
      world.event('Completed', { state: 'Completed' }),
      job('Completed', { Revision: 3 }),
    )

  after('a gap in the events', 'events are numbered without a gap', ({ event, skip }) => {
    skip()
    return [event('later')]
  })
  after('a state without an event', 'nothing is visible without an event', () => [job('Queued', { Revision: 3 })])
  after('an event without its state', 'nothing is visible without an event', ({ event }) => [
    event('q', { state: 'Queued' }),
  ])
  after('a move that no job makes', 'jobs move as their state machine says', ({ event }) => [
    event('Pending', { state: 'Pending' }),
    job('Pending', { Revision: 3 }),
  ])
  after('a move that no execution makes', 'executions move as their state machine says', ({ event }) => [
    event('back', { run: 'e-0' }),
    run(5),
  ])
  after('an execution that moves without an event', 'nothing is visible without an event', () => [run(7)])
  after('a result after the end', 'no result is accepted after the end', (world) => {
    ended(world)
    return [world.event('done', { run: 'e-1' }), run(9, { partition: 1 }, 1)]
  })
  after('a second result of a partition', 'a result is accepted once', ({ event, unit }) => {
    unit(event('done', { run: 'e-0' }), run(9))
    return [event('done', { run: 'e-1' }), run(9, {}, 1)]
  })
  after('a result of an old version', 'no result of an old version is accepted', ({ event, unit }) => {
    unit(event('again', { version: 2 }), job('Pending', { Version: 2, Revision: 3 }))
    return [event('done', { run: 'e-0', version: 2 }), run(9)]
  })
  after('another end after the end', 'final states never change', (world) => {
    ended(world)
    return [job('Completed', { Revision: 4, State: { StateType: 'Completed', Message: 'or so' } })]
  })
  after('an execution that ends otherwise', 'final states never change', ({ event, unit }) => {
    unit(event('failed', { run: 'e-0' }), run(10))
    return [run(10, { message: 'or so' })]
  })
  after('a spec that changes without a new version', 'the spec of a version never changes', () => [
    job('Running', { Revision: 3, Count: 7 }),
  ])
  after('a version that is left out', 'versions follow each other', ({ event }) => [
    event('again', { version: 3 }),
    job('Pending', { Version: 3, Revision: 3 }),
  ])
  after('a revision that goes back', 'revisions grow', () => [job('Running', { Revision: 1 })])
  after('a row of no job', 'every row belongs to a job', () => [put('execution', 'nobody/00000000', {})])
  after('an open job that is removed', 'no open job is deleted', () => [remove('job', sampleJob().ID)])
})
