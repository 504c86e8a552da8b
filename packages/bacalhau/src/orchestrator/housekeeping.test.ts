import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put } from '../store/store.ts'
import { startHousekeeping } from './housekeeping.ts'
import { jobIndexes, newJobKey, versionKey } from './job-records.ts'

async function world(states: readonly Job['State']['StateType'][], kept: number, busy: readonly string[] = []) {
  const [store, clock] = [createMemoryStore(), createVirtualClock()]
  for (const [index, StateType] of states.entries()) {
    const CreateTime = (index + 1) * 1_000_000
    const ID = `j-${index}`
    const Name = index === 0 ? 'named' : ID
    const job = sampleJob({}, { ID, Name, State: { StateType }, Version: 2, CreateTime, ModifyTime: CreateTime })
    const key = newJobKey(CreateTime)
    const row = { job, key, since: 1 }
    const more = [put('job', job.ID, row), put('job-version', versionKey(job.ID, 1), job)]
    const traces = [put('execution', `${key}/00000000`, {}), put('history', `${key}/000000000001`, [])]
    await store.commit([...jobIndexes(job), ...more, ...traces])
  }
  const removed: string[] = []
  const housekeeping = startHousekeeping({
    store,
    clock,
    logger: silentLogger,
    kept,
    isBusy: (id) => busy.includes(id),
    onRemoved: ({ job }) => removed.push(job.ID),
  })
  await clock.advance(LIMITS.housekeeping)
  await settle(200)
  await housekeeping.stop()
  const left = await store.range('job', { limit: 100 })
  return { store, removed, left: left.map(({ key }) => key) }
}

describe('housekeeping', () => {
  test('removes the oldest ended jobs beyond those that are kept, with every trace of them', async () => {
    const { store, removed, left } = await world(['Completed', 'Failed', 'Stopped', 'Completed'], 2)
    assert.deepEqual(
      [removed, left],
      [
        ['j-0', 'j-1'],
        ['j-2', 'j-3'],
      ],
    )
    for (const table of ['job-by-time', 'job-version', 'execution', 'history'] as const) {
      assert.equal((await store.range(table, { limit: 100 })).length, 2, table)
    }
    assert.equal((await store.range('job-by-name', { limit: 9 })).length, 0)
  })

  test('leaves alone what has not ended, and what is being worked with', async () => {
    const { removed } = await world(['Running', 'Completed', 'Completed', 'Completed'], 2, ['j-1'])
    assert.deepEqual(removed, ['j-2', 'j-3'])
  })

  test('does nothing while there is room', async () => {
    assert.deepEqual((await world(['Completed', 'Completed'], 2)).removed, [])
  })
})
