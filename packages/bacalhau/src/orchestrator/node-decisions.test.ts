import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { Journal } from '../store/journal.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put } from '../store/store.ts'
import type { Decision } from './membership.ts'
import { NodeDecisions } from './node-decisions.ts'

const YES: Decision = { membership: 'APPROVED', message: 'good' }
const NO: Decision = { membership: 'REJECTED', message: 'bad' }

async function bench() {
  const store = createMemoryStore()
  const load = () => {
    const journal = new Journal({ store, clock: createVirtualClock(), logger: silentLogger })
    return NodeDecisions.load(store, journal).then((decisions) => ({ decisions, journal }))
  }
  return { store, load, ...(await load()) }
}

test('what was decided about a node is known after a restart, the last of it', async () => {
  const { decisions, journal, load } = await bench()
  decisions.set('a', NO)
  decisions.set('a', YES)
  decisions.set('b', NO)
  assert.deepEqual([decisions.get('a'), decisions.get('b'), decisions.get('c')], [YES, NO, undefined])
  await journal.flushed()
  const again = await load()
  assert.deepEqual([again.decisions.get('a'), again.decisions.get('b')], [YES, NO])
})

test('what is taken back is forgotten, for good', async () => {
  const { decisions, journal, load, store } = await bench()
  decisions.set('a', NO)
  await journal.flushed()
  decisions.delete('a')
  decisions.delete('never known')
  assert.equal(decisions.get('a'), undefined)
  await journal.flushed()
  assert.deepEqual(await store.range('node', { limit: 9 }), [])
  assert.equal((await load()).decisions.get('a'), undefined)
})

test('a record that makes no sense decides nothing', async () => {
  const { store, load } = await bench()
  await store.commit([put('node', 'a', { membership: 'PENDING', message: '' }), put('node', 'b', YES)])
  const { decisions } = await load()
  assert.deepEqual([decisions.get('a'), decisions.get('b')], [undefined, YES])
})
