import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob } from '../link/fixtures/samples.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import { jobId, START } from './fixtures/jobs.ts'
import { listJobs } from './job-listing.ts'
import { jobIndexes, newJobKey } from './job-records.ts'

const job = (index: number, fields: Partial<Job> = {}) => {
  const time = (START + index) * 1e6
  return sampleJob({}, { ID: jobId(index), Name: `job ${index}`, CreateTime: time, ModifyTime: time, ...fields })
}
const rowOf = (record: Job) => ({ job: record, key: newJobKey(record.CreateTime), since: START })
const save = (store: Store, ...jobs: Job[]) =>
  store.commit(jobs.flatMap((record) => [put('job', record.ID, rowOf(record)), ...jobIndexes(record)]))
const failsWith = (code: string, text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === code && text.test(error.message)

describe('listing jobs', () => {
  async function pages(store: Store, query: Parameters<typeof listJobs>[1]): Promise<string[]> {
    const seen: string[] = []
    let nextToken = ''
    do {
      const page = await listJobs(store, { ...query, nextToken })
      assert.ok(page.Items.length === query.limit || page.NextToken === '')
      seen.push(...page.Items.map(({ ID }) => ID))
      nextToken = page.NextToken
    } while (nextToken !== '')
    return seen
  }

  test('any pages put together are the whole list, in order, of the namespace that was asked for', async () => {
    const anyQuery = fc.record({
      namespace: fc.constantFrom('', '*', 'default', 'mine', 'none'),
      limit: fc.integer({ min: 1, max: 5 }),
      reverse: fc.boolean(),
    })
    const namespaces = fc.array(fc.constantFrom('default', 'mine', 'yours'), { maxLength: 12 })
    const property = fc.asyncProperty(namespaces, anyQuery, async (names, query) => {
      const store = createMemoryStore()
      await save(store, ...names.map((Namespace, index) => job(index, { Namespace })))
      const everywhere = query.namespace === '' || query.namespace === '*'
      const expected = names.flatMap((name, index) => (everywhere || name === query.namespace ? [jobId(index)] : []))
      assert.deepEqual(await pages(store, query), query.reverse ? expected.toReversed() : expected)
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('a last page that is just full is followed by no other', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2))
    const { Items, NextToken } = await listJobs(store, { limit: 2 })
    assert.deepEqual([Items.length, NextToken], [2, ''])
  })

  test('without a limit there is one all the same, and none is above what an answer may hold', async () => {
    const store = createMemoryStore()
    await save(store, ...Array.from({ length: LIMITS.page + 1 }, (_, index) => job(index)))
    const sizeOf = async (query: object) => {
      const page = await listJobs(store, query)
      assert.notEqual(page.NextToken, '')
      return page.Items.length
    }
    assert.deepEqual([await sizeOf({}), await sizeOf({ limit: 0 })], [LIMITS.defaultPage, LIMITS.defaultPage])
    assert.equal(await sizeOf({ limit: 1_000_000 }), LIMITS.page)
  })

  test('an index entry whose job has gone is passed over', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2), job(3))
    await store.commit([{ op: 'delete', table: 'job', key: jobId(2) }])
    assert.deepEqual(await pages(store, { limit: 2 }), [jobId(1), jobId(3)])
  })

  test('a token that no page gave is refused', async () => {
    const store = createMemoryStore()
    const encoded = (text: string) => Buffer.from(text).toString('base64url')
    for (const nextToken of [
      'x',
      encoded('1/j-1'),
      encoded(`created_at:N:10:${'0'.repeat(18)}/x`),
      encoded(`created_at:N:10:${'0'.repeat(18)}/j-\n`),
      encoded(`created_at:N:0:${'0'.repeat(18)}/j-1`),
      encoded(`id:N:10:${'0'.repeat(18)}/j-1`),
    ]) {
      await assert.rejects(listJobs(store, { nextToken }), failsWith('BadRequest', /invalid next token/))
    }
  })

  test('a token repeats order, direction and limit, so that the caller need not', async () => {
    const store = createMemoryStore()
    await save(store, job(1), job(2), job(3), job(4))
    const first = await listJobs(store, { limit: 2, reverse: true })
    assert.match(Buffer.from(first.NextToken, 'base64url').toString(), /^created_at:Y:2:/)
    const rest = await listJobs(store, { nextToken: first.NextToken, limit: 10, reverse: false, order: 'modified_at' })
    assert.deepEqual(
      rest.Items.map(({ ID }) => ID),
      [jobId(2), jobId(1)],
    )
  })

  test('by time of change, page by page', async () => {
    const store = createMemoryStore()
    const changed = (minute: number) => ({ ModifyTime: (START + minute * 60_000) * 1e6 })
    await save(store, job(1, changed(3)), job(2, changed(1)), job(3, changed(2)), job(4, { Namespace: 'mine' }))
    await store.commit([put('job', jobId(5), job(5, changed(9))), ...jobIndexes(job(5))])
    const query = { order: 'modified_at', namespace: 'default', limit: 2 } as const
    assert.deepEqual(await pages(store, query), [jobId(2), jobId(3), jobId(1), jobId(5)])
    assert.deepEqual(await pages(store, { ...query, reverse: true }), [jobId(5), jobId(1), jobId(3), jobId(2)])
  })

  test('by labels, and of the namespaces that one may see', async () => {
    const store = createMemoryStore()
    await save(
      store,
      job(1, { Labels: { env: 'dev' } }),
      job(2, { Labels: { env: 'prod' } }),
      job(3, { Namespace: 'mine' }),
      job(4, { Namespace: 'mine', Labels: { env: 'dev' } }),
    )
    const dev = [{ Key: 'env', Operator: '=', Values: ['dev'] }] as const
    const labels = dev.map((constraint) => ({ ...constraint, Values: [...constraint.Values] }))
    assert.deepEqual(await pages(store, { limit: 1, labels }), [jobId(1), jobId(4)])
    assert.deepEqual(await pages(store, { limit: 1, labels, namespace: 'mine' }), [jobId(4)])
    assert.deepEqual(await pages(store, { limit: 1, labels: [{ Key: 'env', Operator: '!' }] }), [jobId(3)])
    assert.deepEqual(await pages(store, { limit: 9, namespaces: ['mine'] }), [jobId(3), jobId(4)])
    assert.deepEqual(await pages(store, { limit: 9, namespaces: ['mine'], namespace: 'default' }), [])
    assert.deepEqual(await pages(store, { limit: 9, namespaces: [] }), [])
  })

  test('labels are found with index entries of the first layout, too', async () => {
    const store = createMemoryStore()
    const old = job(1, { Labels: { env: 'dev' } })
    await save(store, old)
    await store.commit(
      jobIndexes(old)
        .map((write) => (write.op === 'put' ? { ...write, value: 'default' } : write))
        .slice(0, 1),
    )
    assert.deepEqual(await pages(store, { limit: 1, labels: [{ Key: 'env', Operator: 'exists' }] }), [jobId(1)])
    assert.deepEqual(await pages(store, { limit: 1, namespace: 'default' }), [jobId(1)])
  })
})
