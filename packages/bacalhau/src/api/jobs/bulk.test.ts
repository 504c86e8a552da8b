import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import type { ApiErrorBody, BulkResponse, PutJobResponse } from '@bacalhau/models'
import { createOrchestrator } from '../../orchestrator/orchestrator.ts'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { ask, nodeInfo, temporaryApi, wasmJob } from '../testing/api.ts'

/** An API before a real orchestrator and a store on disk, whose writes are counted. */
async function bench(context: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bulk-'))
  let syncs = 0
  const sync = async (descriptor: number) => {
    syncs += 1
    fs.fdatasyncSync(descriptor)
  }
  const store = openSqliteStore(path.join(folder, 'store.db'), { sync })
  const orchestrator = await createOrchestrator({
    store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    storeGeneration: 'g',
    approval: 'auto',
    joinToken: 'secret',
    self: () => nodeInfo,
    logs: async function* () {},
  })
  const { url, stop } = await temporaryApi(context, { orchestrator })
  context.after(async () => {
    await stop()
    await orchestrator.stop()
    await store.stop()
    await rm(folder, { recursive: true })
  })
  const bulk = async (body: object, headers: Record<string, string> = {}) => {
    const before = syncs
    const answer = await ask(`${url}/api/v1/orchestrator/jobs/bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    return { ...answer, syncs: syncs - before, items: (answer.body as BulkResponse).Items }
  }
  return { bulk, url, orchestrator }
}

const idsOf = (items: BulkResponse['Items']) => items.map((item) => ('JobID' in item ? item.JobID : item.Error.Code))
const jobs = (count: number) => Array.from({ length: count }, () => ({ ...wasmJob, Name: '' }))

test('many jobs are submitted in their order, with hardly more writes than one', async (context) => {
  const { bulk, orchestrator } = await bench(context)
  const { status, items, syncs } = await bulk({ Jobs: jobs(1_000) })
  assert.equal(status, 200)
  const listed = await orchestrator.listJobs({ limit: 1_000 })
  assert.deepEqual(
    listed.Items.map(({ ID }) => ID),
    idsOf(items),
  )
  assert.equal(listed.Items.length, 1_000)
  // One for the jobs; the scheduler begins to write what it has to say of them.
  assert.ok(syncs <= 3, `${syncs} writes`)
  const [first] = items as PutJobResponse[]
  assert.deepEqual(first, { JobID: first?.JobID, EvaluationID: first?.EvaluationID, Warnings: null })
})

test('each error is by itself', async (context) => {
  const { bulk } = await bench(context)
  const { Name, ...noName } = wasmJob
  const good = { ...noName, Name: 'a' }
  const { status, items } = await bulk({
    Jobs: [good, { ...good, Tasks: [] }, null, good, { ...good, Count: 2 }, 'job'],
  })
  assert.equal(status, 200)
  const [first] = idsOf(items)
  assert.deepEqual(idsOf(items), [first, 'ValidationError', 'ValidationError', 'Conflict', first, 'ValidationError'])
  const { Error: conflict } = items[3] as { Error: ApiErrorBody }
  assert.deepEqual([conflict.Status, conflict.Message, Name], [409, 'no changes detected', 'hello'])
})

test('the namespace of the whole is for those that name none', async (context) => {
  const { bulk, orchestrator } = await bench(context)
  const [one, two] = jobs(2)
  const { items } = await bulk({ Jobs: [one, { ...two, Namespace: 'own' }], Namespace: 'team' })
  const namespaces = await Promise.all(idsOf(items).map(async (id) => (await orchestrator.getJob(id)).Namespace))
  assert.deepEqual(namespaces, ['team', 'own'])
})

test('repeated under the same key, it does only what had failed', async (context) => {
  const { bulk, orchestrator } = await bench(context)
  const key = { 'idempotency-key': 'k' }
  const [one, two] = jobs(2)
  const first = await bulk({ Jobs: [one, {}, two] }, key)
  const second = await bulk({ Jobs: [one, two, two] }, key)
  const [a, , c] = idsOf(first.items)
  const [, b] = idsOf(second.items)
  assert.deepEqual(idsOf(second.items), [a, b, c])
  assert.equal((await orchestrator.listJobs({})).Items.length, 3)
  const third = await bulk({ Jobs: [{ ...one, Count: 3 }] }, key)
  assert.deepEqual(idsOf(third.items), ['IdempotencyKeyReused'])
})

test('too many, none, and what is no list', async (context) => {
  const { bulk, url } = await bench(context)
  assert.equal((await bulk({ Jobs: jobs(1_001) })).status, 400)
  assert.equal((await bulk({ Jobs: 'all' })).status, 400)
  assert.equal((await bulk({})).status, 400)
  assert.deepEqual((await bulk({ Jobs: [] })).items, [])
  assert.equal((await ask(`${url}/api/v1/orchestrator/jobs/bulk`, { method: 'POST' })).status, 400)
})

test('a job may be called bulk, or diff', async (context) => {
  const { bulk, url } = await bench(context)
  const { items } = await bulk({
    Jobs: [
      { ...wasmJob, Name: 'bulk' },
      { ...wasmJob, Name: 'diff' },
    ],
  })
  for (const [index, name] of ['bulk', 'diff'].entries()) {
    const { status, body } = await ask(`${url}/api/v1/orchestrator/jobs/${name}`)
    assert.deepEqual([status, (body as { Job: { ID: string } }).Job.ID], [200, idsOf(items)[index]])
  }
  assert.equal((await ask(`${url}/api/v1/orchestrator/jobs/bulk`, { method: 'PATCH' })).status, 405)
})
