import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob } from '../link/fixtures/samples.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import {
  findJob,
  historyKey,
  jobIndexes,
  lastSequence,
  listJobs,
  readExecutions,
  readHistory,
  requireJob,
} from './job-records.ts'

const START = 1_767_225_600_000_000_000
const id = (index: number) => `j-${String(index).padStart(8, '0')}-0000-4000-8000-000000000000`
const job = (index: number, fields: Partial<Job> = {}) =>
  sampleJob({}, { ID: id(index), Name: `job ${index}`, CreateTime: START + index * 1_000_000, ...fields })
const save = (store: Store, ...jobs: Job[]) =>
  store.commit(jobs.flatMap((record) => [put('job', record.ID, record), ...jobIndexes(record)]))
const failsWith = (code: string, text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === code && text.test(error.message)

describe('finding a job', () => {
  test('by its name in its namespace, its id, or a beginning of its id', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2, { Namespace: 'other' }), job(31), job(32))
    const found = async (text: string, namespace?: string) => (await findJob(store, text, namespace)).ID
    assert.equal(await found('job 1'), id(1))
    assert.equal(await found('job 2', 'other'), id(2))
    assert.equal(await found(id(2)), id(2))
    assert.equal(await found('j-00000001'), id(1))
    assert.equal(await found('job 1', ''), id(1))
    await assert.rejects(found('job 2'), failsWith('NotFound', /job not found: job 2/))
    await assert.rejects(found('j-0000003'), failsWith('Conflict', /multiple jobs found for id j-0000003/))
    for (const nothing of ['', 'j', 'j-', 'j-9'])
      await assert.rejects(found(nothing), failsWith('NotFound', /not found/))
  })

  test('of several with one name the newest is meant', async () => {
    const store = createMemoryStore()
    await save(store, job(1, { Name: 'same' }))
    await save(store, job(2, { Name: 'same' }))
    assert.equal((await findJob(store, 'same')).ID, id(2))
  })

  test('by its id alone, whatever bears it as a name', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2, { Name: id(1) }))
    assert.equal((await findJob(store, id(1))).ID, id(2))
    assert.equal((await requireJob(store, id(1))).ID, id(1))
    await assert.rejects(requireJob(store, 'j-1'), failsWith('NotFound', /j-1/))
  })

  test('no namespace and name can be taken for another pair', async () => {
    const store = createMemoryStore()
    await save(store, job(1, { Namespace: 'a', Name: 'b c' }))
    await assert.rejects(findJob(store, 'c', 'a b'), failsWith('NotFound', /c/))
  })

  test('a damaged record is named', async () => {
    const store = createMemoryStore()
    await store.commit([put('job', 'j-bad', { ...job(1), Count: -1 })])
    await assert.rejects(findJob(store, 'j-bad'), failsWith('StoreCorrupt', /record of job j-bad is damaged/))
  })
})

describe('listing jobs', () => {
  test('any pages put together are the whole list, in order, of the namespace that was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('default', 'mine', 'yours'), { maxLength: 12 }),
        fc.record({
          namespace: fc.constantFrom(undefined, '', '*', 'default', 'mine', 'none'),
          limit: fc.integer({ min: 1, max: 5 }),
          reverse: fc.boolean(),
        }),
        async (namespaces, { namespace, limit, reverse }) => {
          const store = createMemoryStore()
          await save(store, ...namespaces.map((Namespace, index) => job(index, { Namespace })))
          const everywhere = namespace === undefined || namespace === '' || namespace === '*'
          const expected = namespaces.flatMap((name, index) => (everywhere || name === namespace ? [id(index)] : []))
          if (reverse) expected.reverse()

          const seen: string[] = []
          let nextToken = ''
          do {
            const filter = namespace === undefined ? {} : { namespace }
            const page = await listJobs(store, { ...filter, limit, reverse, nextToken })
            assert.ok(page.Items.length === limit || page.NextToken === '')
            seen.push(...page.Items.map(({ ID }) => ID))
            nextToken = page.NextToken
          } while (nextToken !== '')
          assert.deepEqual(seen, expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a last page that is just full is followed by no other', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2))
    const { Items, NextToken } = await listJobs(store, { limit: 2 })
    assert.deepEqual([Items.length, NextToken], [2, ''])
  })

  test('without a limit there is one all the same', async () => {
    const store = createMemoryStore()
    await save(store, ...Array.from({ length: 1_100 }, (_, index) => job(index)))
    for (const query of [{}, { limit: 0 }, { limit: 1_000_000 }]) {
      const page = await listJobs(store, query)
      assert.deepEqual([page.Items.length, page.NextToken === ''], [1_000, false])
    }
  })

  test('a token that is none is refused', async () => {
    for (const nextToken of ['x', 'e30', Buffer.from('etc/passwd').toString('base64url')]) {
      await assert.rejects(listJobs(createMemoryStore(), { nextToken }), failsWith('BadRequest', /invalid next token/))
    }
  })

  test('an index entry without its job is passed over', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2))
    await store.commit([{ op: 'delete', table: 'job', key: id(1) }])
    assert.deepEqual(
      (await listJobs(store, {})).Items.map(({ ID }) => ID),
      [id(2)],
    )
  })
})

describe('the history of a job', () => {
  const event = (SeqNum: number) => ({
    SeqNum,
    Type: 'JobLevel',
    JobID: id(1),
    JobVersion: 1,
    Event: { Message: `event ${SeqNum}`, Topic: 'State Update', Timestamp: '2026-01-01T00:00:00.000Z' },
    Time: '2026-01-01T00:00:00.000Z',
  })

  test('is read in order, from anywhere, and knows its last number', async () => {
    const store = createMemoryStore()
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1)
    await store.commit(numbers.map((number) => put('history', historyKey(id(1), number), event(number))))
    await store.commit([put('history', historyKey(id(2), 1), { ...event(1), JobID: id(2) })])
    const read = async (after: number, limit: number) =>
      (await readHistory(store, id(1), after, limit)).map(({ SeqNum }) => SeqNum)
    assert.deepEqual(await read(0, 100), numbers)
    assert.deepEqual(await read(9, 2), [10, 11])
    assert.deepEqual(await read(30, 2), [])
    assert.deepEqual([await lastSequence(store, id(1)), await lastSequence(store, id(3))], [30, 0])
  })
})

test('executions of one job are not those of another whose id begins alike', async () => {
  const store = createMemoryStore()
  await store.commit([put('execution', `${id(1)}x/e-1`, { nonsense: true })])
  assert.deepEqual(await readExecutions(store, id(1)), [])
})
