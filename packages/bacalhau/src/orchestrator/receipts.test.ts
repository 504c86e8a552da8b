import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JobSpec } from '@bacalhau/models'
import { sampleJob, sampleNode } from '../link/fixtures/samples.ts'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock, settle, type VirtualClock } from '../runtime/virtual-clock.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { remove, type Store, type Write } from '../store/store.ts'
import { specOf } from './admission.ts'
import { START } from './fixtures/jobs.ts'
import { createOrchestrator } from './orchestrator.ts'
import type { Once } from './service.ts'

const HOUR = 60 * 60_000
const failsWith = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

interface Bench {
  readonly store?: Store
  readonly clock?: VirtualClock
  readonly seed?: number
}

async function bench({ store = createMemoryStore(), clock = createVirtualClock(START), seed = 1 }: Bench = {}) {
  const orchestrator = await createOrchestrator({
    store,
    clock,
    random: seededRandom(seed),
    logger: silentLogger,
    storeGeneration: 'g-owner',
    approval: 'auto',
    joinToken: 'secret',
    self: () => sampleNode('QmOwner'),
    logs: async function* () {},
  })
  const submit = (key: string, fields: Partial<JobSpec> = {}, { force = false, owner = 'me' } = {}) => {
    const once: Once = { owner, key }
    return orchestrator.submit({ spec: { ...specOf(sampleJob()), Name: '', ...fields }, warnings: [] }, { force, once })
  }
  const count = async () => (await orchestrator.listJobs({})).Items.length
  return { orchestrator, store, clock, submit, count }
}

/** A store that can be told to refuse writes, and that notes the units it takes. */
function moodyStore(): Store & { readonly units: Write[][]; full: boolean } {
  const store: MemoryStore = createMemoryStore()
  const moody = {
    ...store,
    units: [] as Write[][],
    full: false,
    commit(writes: readonly Write[]) {
      if (moody.full) return Promise.reject(new BacalhauError('DiskFull', 'no room'))
      moody.units.push([...writes])
      return store.commit(writes)
    },
  }
  return moody
}

const tablesOf = (writes: readonly Write[] | undefined) => new Set(writes?.map(({ table }) => table))

describe('a submission under a key', () => {
  test('counts once, also after a restart', async () => {
    const { submit, count, store, clock, orchestrator } = await bench()
    const first = await submit('k')
    assert.equal((await submit('k')).ID, first.ID)
    await orchestrator.stop()
    const again = await bench({ store, clock, seed: 2 })
    assert.equal((await again.submit('k')).ID, first.ID)
    assert.notEqual((await again.submit('l')).ID, first.ID)
    assert.equal(await count(), 2)
  })

  test('is recorded in the unit that makes the job, and in that of a new version', async () => {
    const store = moodyStore()
    const { submit } = await bench({ store })
    await submit('k', { Name: 'a' })
    const [created] = store.units.filter((unit) => tablesOf(unit).has('job'))
    assert.ok(tablesOf(created).has('receipt'))
    await submit('l', { Name: 'a', Priority: 5 })
    const renewed = store.units.find((unit) => tablesOf(unit).has('job-version'))
    assert.ok(tablesOf(renewed).has('receipt'))
  })

  test('sent many times at once counts once', async () => {
    const { submit, count } = await bench()
    const jobs = await Promise.all(Array.from({ length: 20 }, () => submit('k')))
    assert.equal(new Set(jobs.map(({ ID }) => ID)).size, 1)
    assert.equal(await count(), 1)
  })

  test('of something else is refused, and changes nothing', async () => {
    const { submit, count } = await bench()
    const { ID } = await submit('k', { Priority: 1 })
    await assert.rejects(submit('k', { Priority: 2 }), (error) => {
      assert.ok(failsWith('IdempotencyKeyReused')(error))
      assert.deepEqual((error as BacalhauError).details, { JobID: ID })
      return true
    })
    await assert.rejects(submit('k', { Priority: 1 }, { force: true }), failsWith('IdempotencyKeyReused'))
    assert.equal(await count(), 1)
  })

  test('is another one for another owner, and in another namespace', async () => {
    const { submit } = await bench()
    const jobs = [
      await submit('k'),
      await submit('k', {}, { owner: 'you' }),
      await submit('k', { Namespace: 'team' }),
      // No two triples read alike.
      await submit('k', {}, { owner: 'me\u0000' }),
    ]
    assert.equal(new Set(jobs.map(({ ID }) => ID)).size, 4)
  })

  test('of a new version answers with that version, whatever came later', async () => {
    const { submit } = await bench()
    await submit('k', { Name: 'a' })
    const second = await submit('l', { Name: 'a', Priority: 2 })
    await submit('m', { Name: 'a', Priority: 3 })
    assert.equal(second.Version, 2)
    // Without the key this would be a Conflict, or a new version.
    assert.deepEqual(
      [(await submit('l', { Name: 'a', Priority: 2 })).Version, (await submit('k', { Name: 'a' })).Version],
      [2, 1],
    )
  })

  test('that failed leaves the key as it was', async () => {
    const store = moodyStore()
    const { submit, count } = await bench({ store })
    store.full = true
    await assert.rejects(submit('k'), failsWith('DiskFull'))
    store.full = false
    const job = await submit('k')
    assert.equal((await submit('k')).ID, job.ID)
    assert.equal(await count(), 1)
  })

  test('whose version waits for a full disk is not made twice', async () => {
    const store = moodyStore()
    const { submit, orchestrator, clock } = await bench({ store })
    await submit('k', { Name: 'a' })
    await clock.advance(0)
    store.full = true
    await assert.rejects(submit('l', { Name: 'a', Priority: 2 }), failsWith('DiskFull'))
    const again = submit('l', { Name: 'a', Priority: 2 })
    await settle()
    store.full = false
    await clock.advance(2_000)
    assert.equal((await again).Version, 2)
    assert.equal((await orchestrator.getJob('a')).Version, 2)
  })

  test('of a job that is not kept any more answers with what is known', async () => {
    const { submit, store, count } = await bench()
    const { ID } = await submit('k', { Name: 'a', Priority: 4 })
    await store.commit([remove('job', ID)])
    const { State, ...job } = await submit('k', { Name: 'a', Priority: 4 })
    assert.deepEqual([job.ID, job.Name, job.Type, job.Version, job.Priority], [ID, 'a', 'batch', 1, 4])
    assert.equal(State.StateType, 'Undefined')
    assert.equal(await count(), 0)
  })
})

describe('receipts', () => {
  /** The same orchestrator, started again so many milliseconds later. */
  async function later(begin: number, milliseconds: number) {
    const { submit, orchestrator, store } = await bench({ clock: createVirtualClock(begin) })
    const { ID } = await submit('k')
    await orchestrator.stopJob(ID, 'enough')
    await orchestrator.stop()
    return { ID, again: await bench({ store, clock: createVirtualClock(begin + milliseconds), seed: 2 }) }
  }

  test('last for 24 hours at least', async () => {
    for (const offset of [0, 3 * HOUR, 6 * HOUR - 1]) {
      const { ID, again } = await later(START + offset, 24 * HOUR - LIMITS.housekeeping)
      await again.clock.advance(LIMITS.housekeeping)
      assert.equal((await again.submit('k')).ID, ID)
    }
  })

  test('go when they are older, with what the store holds of them', async () => {
    const { ID, again } = await later(START, 31 * HOUR)
    await again.clock.advance(LIMITS.housekeeping)
    assert.deepEqual(await again.store.range('receipt', { limit: 9 }), [])
    assert.notEqual((await again.submit('k')).ID, ID)
  })
})

test('submissions at once keep their order', async () => {
  const { orchestrator, submit } = await bench()
  const names = Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? '' : `job-${index}`))
  const jobs = await Promise.all(names.map((Name, index) => submit(`k${index}`, { Name })))
  const listed = (await orchestrator.listJobs({ limit: 100 })).Items
  assert.deepEqual(
    listed.map(({ ID }) => ID),
    jobs.map(({ ID }) => ID),
  )
})
