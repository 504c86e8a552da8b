import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeCompliance } from './compliance.ts'
import { createMemoryStore } from './memory.ts'
import { put } from './store.ts'

storeCompliance('the memory store', async () => createMemoryStore())

test('a crash loses exactly what was not committed', async () => {
  const store = createMemoryStore()
  await store.commit([put('job', 'kept', 1)])
  let settled = false
  void store.commit([put('job', 'lost', 1)]).finally(() => (settled = true))
  store.crash()
  await store.commit([put('job', 'later', 1)])
  assert.deepEqual(
    (await store.range('job', { limit: 9 })).map(({ key }) => key),
    ['kept', 'later'],
  )
  assert.equal(settled, false)
})
