import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXECUTION_STATES, type Job } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put } from '../store/store.ts'
import { jobId, someRun, START, storedExecution } from './fixtures/jobs.ts'
import { historyKey, runKey } from './job-records.ts'
import type { LedgerStart } from './job-ledger.ts'
import { loadJob, loadOpenJobs } from './load-jobs.ts'
import { OpenJob } from './open-job.ts'
import type { Run } from './run.ts'

const { BidAccepted, Completed, Failed, AskForBidRejected, Cancelled } = EXECUTION_STATES
const KEY = '000000000000000001'

function create(start: LedgerStart): OpenJob {
  return new OpenJob(
    start,
    () => START,
    () => undefined,
  )
}

/** The job that a store with these runs has. */
async function loaded(job: Partial<Job>, runs: readonly Partial<Run>[]): Promise<OpenJob> {
  const store = createMemoryStore()
  const record = sampleJob({}, { ID: jobId(1), ...job })
  await store.commit([
    put('job', record.ID, { job: record, key: KEY, since: START }),
    ...runs.map((run, index) =>
      put('execution', runKey(KEY, index), someRun({ id: `e-${index}`, partition: index, ...run })),
    ),
    put('history', historyKey(KEY, 41), []),
  ])
  return loadJob(store, record.ID, create)
}

/** Keys of what the next run and the next event are written under. */
function nextKeys(job: OpenJob): string[] {
  job.ledger.addRun('e-next', 'QmA', 0, job.resources)
  return job.takeWrites().flatMap((write) => (write.op === 'put' ? [write.key] : []))
}

describe('a job that is taken up', () => {
  test('goes on where it was: what is completed counts, what runs is waited for, the rest is ready', async () => {
    const runs = [{ state: Completed }, { state: BidAccepted }, { state: Cancelled }, { state: AskForBidRejected }]
    const job = await loaded({ Count: 6 }, runs)
    assert.ok(job.agenda.kind === 'partitions')
    assert.deepEqual([job.agenda.completed, [...job.agenda.ready]], [1, [2, 3, 4, 5]])
    assert.deepEqual(
      job.ledger.runs().map(({ id }) => id),
      ['e-1'],
    )
    assert.equal(job.troubles.size, 0)
    assert.deepEqual(nextKeys(job), [runKey(KEY, 4), historyKey(KEY, 42)])
  })

  test('remembers what went wrong, where, and what was first', async () => {
    const failed = (message: string, ErrorCode: string, node: string): Partial<Run> => ({
      state: Failed,
      partition: 0,
      node,
      message,
      details: { ErrorCode, Hint: 'try' },
    })
    const job = await loaded({}, [
      failed('one', 'InputFailed', 'a'),
      failed('two', 'NodeLost', 'b'),
      failed('three', 'JobFailed', 'c'),
    ])
    const { failures, losses, avoid, previous } = job.troubles.get(0) ?? assert.fail()
    assert.deepEqual([failures, losses, [...avoid], previous], [2, 1, ['a', 'b', 'c'], 'e-2'])
    assert.deepEqual(job.firstFailure, { code: 'InputFailed', message: 'one', hint: 'try' })
  })

  test('counts only what belongs to its present version', async () => {
    const runs = [
      { state: Completed, version: 1 },
      { state: Failed, version: 1 },
      { state: Completed, version: 2 },
    ]
    const job = await loaded({ Count: 3, Version: 2 }, runs)
    assert.ok(job.agenda.kind === 'partitions')
    assert.deepEqual([job.agenda.completed, job.troubles.size, job.firstFailure], [1, 0, undefined])
    assert.equal(nextKeys(job)[0], runKey(KEY, 3))
  })

  test('runs no ops job twice at a node, and a daemon again where it has ended', async () => {
    const runs = [
      { state: BidAccepted, node: 'a' },
      { state: Failed, node: 'b' },
      { state: Completed, node: 'c' },
    ]
    const wanted = async (Type: Job['Type']) => {
      const { agenda } = await loaded({ Type }, runs)
      return ['a', 'b', 'c', 'new'].filter((node) => agenda.kind === 'targets' && agenda.wants(node))
    }
    assert.deepEqual(await wanted('ops'), [])
    assert.deepEqual(await wanted('daemon'), ['b', 'new'])
    const fresh = await loaded({ Type: 'ops' }, [])
    assert.equal(fresh.agenda.kind === 'targets' && fresh.agenda.begun, false)
  })

  test('asks the nodes of an ops job again whose offers were refused or withdrawn, as long as none of them has run it', async () => {
    const runs = [
      { state: AskForBidRejected, node: 'a' },
      { state: Cancelled, node: 'b' },
      { state: AskForBidRejected, node: 'c' },
      { state: Completed, node: 'c' },
    ]
    const { agenda } = await loaded({ Type: 'ops' }, runs)
    assert.ok(agenda.kind === 'targets')
    assert.deepEqual(
      ['a', 'b', 'c', 'new'].filter((node) => agenda.wants(node)),
      ['a', 'b'],
    )
    assert.deepEqual([agenda.begun, agenda.waits, agenda.completed], [true, true, 1])
  })

  test('must be there', async () => {
    const error = await loadJob(createMemoryStore(), 'j-none', create).catch((reason: unknown) => reason)
    assert.ok(isBacalhauError(error) && error.code === 'NotFound')
  })
})

describe('the open jobs', () => {
  test('are all that have not ended; a damaged one is reported and left alone', async () => {
    const store = createMemoryStore()
    const row = (index: number, StateType: 'Running' | 'Failed' = 'Running') => {
      const job = sampleJob({}, { ID: jobId(index), State: { StateType } })
      const key = `k${String(index).padStart(4, '0')}`
      return [put('job', job.ID, { job, key, since: START }), put('job-open', key, job.ID)]
    }
    const many = Array.from({ length: 501 }, (_, index) => row(index + 10)).flat()
    await store.commit([
      ...many,
      ...row(1),
      ...row(2, 'Failed'),
      put('job-open', 'k0003', jobId(3)),
      put('job-open', 'k0004', jobId(4)),
      put('job', jobId(4), {}),
    ])
    const errors: object[] = []
    const logger = { ...silentLogger, error: (facts: object) => void errors.push(facts) }
    const found = await Array.fromAsync(loadOpenJobs(store, logger, create))
    assert.equal(found.length, 502)
    assert.equal(found[0]?.job.ID, jobId(1))
    assert.match(JSON.stringify(errors), /"jobId":"j-00000004[^"]*","error":"the record of job/)
    assert.equal(errors.length, 1)
  })

  test('of the first layout are taken up, and written on where they are', async () => {
    const store = createMemoryStore()
    const job = sampleJob({}, { ID: jobId(1), State: { StateType: 'Running' } })
    const running = storedExecution({ JobID: job.ID, ComputeState: { StateType: 6 }, PartitionIndex: 0 })
    await store.commit([
      put('job', job.ID, job),
      put('job-open', job.ID, {}),
      put('execution', `${job.ID}/e-1`, running),
    ])
    const [open] = await Array.fromAsync(loadOpenJobs(store, silentLogger, create))
    assert.ok(open !== undefined)
    assert.deepEqual([open.ledger.since, open.waits, open.ledger.active], [START, false, 1])
    open.ledger.moveRun('e-1', Completed, { message: 'done' })
    open.ledger.setJobState('Completed', '')
    await store.commit(open.takeWrites())
    assert.deepEqual(
      (await store.range('execution', { limit: 9 })).map(({ key }) => key),
      [`${job.ID}/e-1`],
    )
    assert.deepEqual(await store.range('job-open', { limit: 9 }), [])
    assert.deepEqual(await Array.fromAsync(loadOpenJobs(store, silentLogger, create)), [])
  })
})
