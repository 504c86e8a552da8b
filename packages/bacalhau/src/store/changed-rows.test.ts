import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { allRows } from './all-rows.ts'
import { ChangedRows } from './changed-rows.ts'
import { createMemoryStore } from './memory.ts'
import { put, remove } from './store.ts'

describe('rows of things in memory', () => {
  const things = new Map<string, object>([['a', { n: 1 }]])
  let recorded = 0
  const rows = new ChangedRows(
    'peer',
    (key) => things.get(key),
    () => (recorded += 1),
  )

  test('are written once, as they are when they are asked for, and removed when there is nothing any more', () => {
    rows.note('a')
    rows.note('b')
    rows.note('a')
    things.set('a', { n: 2 })
    assert.equal(recorded, 3)
    assert.deepEqual(rows.takeWrites(), [put('peer', 'a', { n: 2 }), remove('peer', 'b')])
  })

  test('are not written again before they change again', () => {
    assert.deepEqual(rows.takeWrites(), [])
    rows.note('a')
    assert.deepEqual(rows.takeWrites(), [put('peer', 'a', { n: 2 })])
  })
})

describe('all rows', () => {
  const keys = ['a/1', 'a/2', 'a/3', 'b/1', 'b/2']
  const filled = async () => {
    const store = createMemoryStore()
    await store.commit(keys.map((key) => put('peer', key, { key })))
    return store
  }

  for (const page of [1, 2, 3, 5, 6]) {
    test(`come in the order of their keys, ${page} at a time`, async () => {
      const rows = await Array.fromAsync(allRows(await filled(), 'peer', { page }))
      assert.deepEqual(
        rows.map(({ key, value }) => [key, value]),
        keys.map((key) => [key, { key }]),
      )
    })
  }

  test('are those with a prefix, where one is given', async () => {
    const rows = await Array.fromAsync(allRows(await filled(), 'peer', { prefix: 'b/', page: 2 }))
    assert.deepEqual(
      rows.map(({ key }) => key),
      ['b/1', 'b/2'],
    )
  })

  test('of an empty table are none', async () => {
    assert.deepEqual(await Array.fromAsync(allRows(createMemoryStore(), 'peer')), [])
  })
})
