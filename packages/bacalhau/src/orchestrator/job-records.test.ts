import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob } from '../link/fixtures/samples.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import { jobId, someRun, START, storedExecution } from './fixtures/jobs.ts'
import { packEvent } from './history.ts'
import {
  findId,
  findJob,
  forgetJob,
  historyKey,
  jobIndexes,
  lastSequence,
  listExecutions,
  newJobKey,
  readHistory,
  readJob,
  readRuns,
  readVersion,
  readVersions,
  requireJob,
  runKey,
  versionKey,
} from './job-records.ts'
import { listJobs } from './job-listing.ts'

const job = (index: number, fields: Partial<Job> = {}) =>
  sampleJob({}, { ID: jobId(index), Name: `job ${index}`, CreateTime: (START + index) * 1e6, ...fields })
const rowOf = (record: Job) => ({ job: record, key: newJobKey(record.CreateTime), since: START })
const save = (store: Store, ...jobs: Job[]) =>
  store.commit(jobs.flatMap((record) => [put('job', record.ID, rowOf(record)), ...jobIndexes(record)]))
const failsWith = (code: string, text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === code && text.test(error.message)

describe('finding a job', () => {
  test('by its name in its namespace, its id, or a beginning of its id', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2, { Namespace: 'other' }), job(31), job(32))
    const found = async (text: string, namespace?: string) => (await findJob(store, text, namespace)).job.ID
    assert.equal(await found('job 1'), jobId(1))
    assert.equal(await found('job 2', 'other'), jobId(2))
    assert.equal(await found(jobId(2)), jobId(2))
    assert.equal(await found('j-00000001'), jobId(1))
    assert.equal(await found('job 1', ''), jobId(1))
    await assert.rejects(found('job 2'), failsWith('NotFound', /job not found: job 2/))
    await assert.rejects(found('j-0000003'), failsWith('Conflict', /multiple jobs found for id j-0000003/))
    for (const nothing of ['', 'j', 'j-', 'j-9']) {
      await assert.rejects(found(nothing), failsWith('NotFound', /not found/))
    }
  })

  test('by its id, whatever bears it as a name', async () => {
    const store = createMemoryStore()
    await save(store, job(1, { Namespace: 'other' }), job(2, { Name: jobId(1) }))
    assert.equal((await findJob(store, jobId(1))).job.ID, jobId(1))
    assert.equal(await findId(store, 'default', jobId(1)), jobId(2))
    assert.equal((await requireJob(store, jobId(1))).job.ID, jobId(1))
    await assert.rejects(requireJob(store, 'j-1'), failsWith('NotFound', /j-1/))
  })

  test('without a name of its own it takes no place among the names', () => {
    const tables = jobIndexes(job(1, { Name: jobId(1) })).map(({ table }) => table)
    assert.deepEqual(tables, ['job-by-time'])
  })

  test('no namespace and name can be taken for another pair', async () => {
    const store = createMemoryStore()
    await save(store, job(1, { Namespace: 'a', Name: 'b c' }))
    await assert.rejects(findJob(store, 'c', 'a b'), failsWith('NotFound', /c/))
  })

  test('a damaged record is named', async () => {
    const store = createMemoryStore()
    await store.commit([put('job', 'j-bad', rowOf({ ...job(1), Count: -1 }))])
    await assert.rejects(findJob(store, 'j-bad'), failsWith('StoreCorrupt', /record of job j-bad is damaged/))
  })

  test('one of the first layout is the record alone, and its id begins the keys', async () => {
    const store = createMemoryStore()
    const old = job(1, { CreateTime: START * 1e6 + 1_024 })
    await store.commit([put('job', old.ID, old)])
    assert.deepEqual(await readJob(store, old.ID), { job: old, key: old.ID, since: START })
    assert.equal(await readJob(store, ''), undefined)
  })
})

describe('executions', () => {
  const row = rowOf(job(1))
  const saveRuns = (store: Store, versions: readonly number[]) =>
    store.commit(
      versions.map((version, index) =>
        put('execution', runKey(row.key, index), someRun({ id: `e-${index}`, version, partition: index })),
      ),
    )

  test('any pages put together are all of the version that was asked for, in the order of placement', async () => {
    const versions = fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 12 })
    const query = fc.record({ limit: fc.integer({ min: 1, max: 4 }), version: fc.constantFrom(0, 1, 2) })
    const property = fc.asyncProperty(versions, query, async (all, { limit, version }) => {
      const store = createMemoryStore()
      await saveRuns(store, all)
      const seen: string[] = []
      let nextToken = ''
      do {
        const page = await listExecutions(store, row, { limit, version, nextToken })
        assert.ok(page.Items.length === limit || page.NextToken === '')
        seen.push(...page.Items.map(({ ID }) => ID))
        nextToken = page.NextToken
      } while (nextToken !== '')
      const expected = all.flatMap((each, index) => (version === 0 || each === version ? [`e-${index}`] : []))
      assert.deepEqual(seen, expected)
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('are those of the newest version where nothing else is said, and only those that match', async () => {
    const store = createMemoryStore()
    await saveRuns(store, [1, 2, 2, 1, 2])
    const second = { ...row, job: { ...row.job, Version: 2 } }
    const ids = async (query: object) => (await listExecutions(store, second, query)).Items.map(({ ID }) => ID)
    assert.deepEqual(await ids({}), ['e-1', 'e-2', 'e-4'])
    assert.deepEqual(await ids({ match: ({ partition }: { partition: number }) => partition > 1 }), ['e-2', 'e-4'])
  })

  test('leave other work its turn while many are looked through', async () => {
    const store = createMemoryStore()
    await saveRuns(
      store,
      Array.from({ length: 1_000 }, () => 1),
    )
    let turns = 0
    const count = () => {
      turns += 1
      turn = setImmediate(count)
    }
    let turn = setImmediate(count)
    await listExecutions(store, row, { match: () => false })
    clearImmediate(turn)
    assert.ok(turns >= 4, `${turns} turns`)
  })

  test('beyond one answer go on with the next, and a token that none gave is refused', async () => {
    const store = createMemoryStore()
    await saveRuns(
      store,
      Array.from({ length: LIMITS.page + 2 }, () => 1),
    )
    const first = await listExecutions(store, row, {})
    const { Items, NextToken } = await listExecutions(store, row, { nextToken: first.NextToken })
    assert.deepEqual([first.Items.length, Items.map(({ ID }) => ID)], [LIMITS.page, ['e-1000', 'e-1001']])
    assert.equal(NextToken, '')
    await assert.rejects(listExecutions(store, row, { nextToken: '!' }), failsWith('BadRequest', /invalid next token/))
  })

  test('of the first layout are read under their ids', async () => {
    const store = createMemoryStore()
    const key = jobId(1)
    const writes = ['e-a', 'e-b'].map((ID) => put('execution', `${key}/${ID}`, storedExecution({ ID })))
    await store.commit([...writes, put('execution', runKey(key, 7), someRun({ id: 'e-new' }))])
    const found = await Array.fromAsync(readRuns(store, key))
    assert.deepEqual(
      found.map(({ key: at, run }) => [at.slice(key.length + 1), run.id]),
      [
        ['00000007', 'e-new'],
        ['e-a', 'e-a'],
        ['e-b', 'e-b'],
      ],
    )
    assert.equal(found[0]?.ordinal, 7)
    assert.ok(found.every(({ ordinal }) => ordinal <= 7))
  })

  test('of other jobs are not met, and a damaged one is named', async () => {
    const store = createMemoryStore()
    await store.commit([
      put('execution', runKey('1', 0), someRun()),
      put('execution', runKey('11', 0), someRun({ id: 'e-other' })),
      put('execution', runKey('2', 0), { id: '' }),
    ])
    assert.deepEqual(
      (await Array.fromAsync(readRuns(store, '1'))).map(({ run }) => run.id),
      ['e-1'],
    )
    await assert.rejects(Array.fromAsync(readRuns(store, '2')), failsWith('StoreCorrupt', /execution 2\/0+ is damaged/))
  })
})

describe('events', () => {
  const row = rowOf(job(1))
  const event = (sequence: number) =>
    packEvent({ sequence, time: START, version: 1, topic: 'Execution', message: `event ${sequence}` })
  const old = (SeqNum: number) => ({
    SeqNum,
    Type: 'JobLevel',
    JobID: jobId(1),
    JobVersion: 1,
    Event: { Message: `event ${SeqNum}`, Topic: 'Submission', Timestamp: '2026-01-01T00:00:00.000Z' },
    Time: '2026-01-01T00:00:00.000Z',
  })

  test('are read from any number on, as many as are asked for, however they lie in rows', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 40 })
    const property = fc.asyncProperty(
      sizes,
      fc.nat({ max: 90 }),
      fc.integer({ min: 1, max: 60 }),
      async (rows, after, limit) => {
        const store = createMemoryStore()
        let last = 0
        for (const size of rows) {
          const numbers = Array.from({ length: size }, (_, index) => last + index + 1)
          last += size
          // A row of one may be one of the first layout.
          const value = size === 1 ? old(last) : numbers.map(event)
          await store.commit([put('history', historyKey(row.key, last), value)])
        }
        const found = (await readHistory(store, row, after, limit)).map(({ SeqNum }) => SeqNum)
        const all = Array.from({ length: last }, (_, index) => index + 1)
        assert.deepEqual(found, all.slice(after, after + limit))
        assert.equal(await lastSequence(store, row.key), last)
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  test('that are damaged are named', async () => {
    const store = createMemoryStore()
    await store.commit([put('history', historyKey(row.key, 1), [['x']])])
    await assert.rejects(readHistory(store, row, 0, 1), failsWith('StoreCorrupt', /event .*0001 is damaged/))
  })
})

describe('versions of a job', () => {
  test('are read one by one, or all, oldest first', async () => {
    const store = createMemoryStore()
    const version = (Version: number) => put('job-version', versionKey(jobId(1), Version), job(1, { Version }))
    await store.commit([version(10), version(2), version(1)])
    assert.equal((await readVersion(store, jobId(1), 2))?.Version, 2)
    assert.equal(await readVersion(store, jobId(1), 3), undefined)
    assert.deepEqual(
      (await readVersions(store, jobId(1))).map(({ Version }) => Version),
      [1, 2, 10],
    )
    assert.deepEqual(await readVersions(store, jobId(2)), [])
  })
})

test('keys of new jobs rise with time, one for each microsecond', () => {
  const now = START * 1e6
  const keys = [now, now + 1_000, now + 1e6, now * 2].map(newJobKey)
  assert.equal(new Set(keys).size, 4)
  assert.deepEqual(keys.toSorted(), keys)
})

test('a job that is forgotten leaves nothing, and the job that took its name keeps it', async () => {
  const store = createMemoryStore()
  const [first, second] = [job(1, { Name: 'same' }), job(2, { Name: 'same' })]
  await save(store, first, second)
  const { key } = rowOf(first)
  await store.commit([
    put('execution', runKey(key, 0), someRun()),
    put('history', historyKey(key, 1), []),
    put('job-version', versionKey(first.ID, 1), first),
  ])
  await store.commit(await forgetJob(store, rowOf(first)))
  for (const table of ['execution', 'history', 'job-version'] as const) {
    assert.deepEqual(await store.range(table, { limit: 9 }), [], table)
  }
  assert.deepEqual(
    (await listJobs(store, {})).Items.map(({ ID }) => ID),
    [jobId(2)],
  )
  assert.equal((await findJob(store, 'same')).job.ID, jobId(2))
  await store.commit(await forgetJob(store, rowOf(second)))
  for (const table of ['job', 'job-by-name', 'job-by-time'] as const) {
    assert.deepEqual(await store.range(table, { limit: 9 }), [], table)
  }
})
