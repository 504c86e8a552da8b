import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job, OrderMessage, ReportMessage, Task } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { Journal } from '../store/journal.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import type { Assignment } from './assignments.ts'
import { jobId, START } from './fixtures/jobs.ts'
import { newJobKey, readHistory, readRuns, requireJob } from './job-records.ts'
import type { OpenJob } from './open-job.ts'
import { OpenJobs } from './open-jobs.ts'
import { RETRIES } from './retry.ts'

const SECOND = 1_000

function bench(store: MemoryStore = createMemoryStore()) {
  const clock = createVirtualClock(START)
  const journal = new Journal({ store, clock, logger: silentLogger })
  const orders: { node: string; order: OrderMessage }[] = []
  const [changed, completed]: [string[], [string, number | undefined][]] = [[], []]
  const jobs = new OpenJobs({
    store,
    journal,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    post: (node, order) => void orders.push({ node, order }),
    onChange: ({ job }) => void changed.push(job.ID),
    onOpportunity: () => undefined,
    onCompleted: ({ run }, milliseconds) => void completed.push([run.node, milliseconds]),
  })
  let created = 0
  /** Admits a job. */
  const admit = async (job: Partial<Job> = {}, task: Partial<Task> = {}): Promise<OpenJob> => {
    const record = sampleJob(task, { ID: jobId((created += 1)), ...job })
    await jobs.admit({ job: record, key: newJobKey((clock.now() + created) * 1e6), since: clock.now() })
    const open = jobs.get(record.ID)
    assert.ok(open !== undefined)
    return open
  }
  /** Places a partition and sends its offer. */
  const place = (job: OpenJob, node = 'QmA', partition = 0): Assignment => {
    const before = new Set(job.ledger.runs())
    jobs.place(job, { node, partition })
    jobs.sendOffers()
    const run = job.ledger.runs().find((each) => !before.has(each))
    assert.ok(run !== undefined)
    return { job, run }
  }
  const cancelled = () =>
    orders.flatMap(({ node, order }) => (order.type === 'cancel' ? [`${node} ${order.reason}`] : []))
  /** The job and its runs as the store shows them. */
  const stored = async (job: OpenJob) => {
    await journal.flushed()
    const row = await requireJob(store, job.job.ID)
    const runs = await Array.fromAsync(readRuns(store, row.key))
    const events = await readHistory(store, row, 0, 1_000)
    return { job: row.job, runs: runs.map(({ run }) => run), events: events.map(({ Event }) => Event.Message) }
  }
  return { clock, journal, jobs, orders, changed, completed, admit, place, cancelled, stored, store }
}

type Bench = ReturnType<typeof bench>

const done = (executionId: string, milliseconds?: number): ReportMessage => ({
  type: 'completed',
  executionId,
  output: null,
  result: { Type: 'ipfs', Params: { CID: 'Qm1' } },
  ...(milliseconds === undefined ? {} : { milliseconds }),
})
const failed = (executionId: string, code: string, message = code): ReportMessage => ({
  type: 'failed',
  executionId,
  code,
  message,
})
const stateOf = ({ job }: OpenJob) => job.State.StateType

/** Follows a report about a run that was placed. */
function hear({ jobs }: Bench, assignment: Assignment, report: (id: string) => ReportMessage): void {
  jobs.outcomes.report(assignment, report(assignment.run.id))
}

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
