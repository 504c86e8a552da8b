import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { sampleJob, someResources } from '../../fixtures/samples.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createVirtualClock } from '../../../runtime/virtual-clock.ts'
import { Journal } from '../../../store/journal.ts'
import { createMemoryStore, type MemoryStore } from '../../../store/memory.ts'
import { put } from '../../../store/store.ts'
import { PHASES, type Taken } from './taken.ts'
import { TakenTable } from './taken-table.ts'

async function open(t: TestContext, store: MemoryStore = createMemoryStore()) {
  const journal = new Journal({ store, clock: createVirtualClock(), logger: silentLogger })
  t.after(() => journal.stop())
  const table = new TakenTable(journal)
  await table.load(store, silentLogger)
  const rows = async () => (await store.range('go-taken', { limit: 99 })).map(({ key }) => key)
  return { store, journal, table, rows }
}

const offer = { job: sampleJob(), resources: someResources() }
const taken = (changes: Partial<Taken> = {}): Taken => ({
  requester: 'QmR',
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  jobId: 'j',
  generation: 'c',
  phase: 'asked',
  approval: true,
  offer,
  since: 5,
  ...changes,
})

describe('what requesters have asked', () => {
  test('is there again after a restart, as it was', async (t) => {
    const { store, journal, table } = await open(t)
    const [a, b] = [table.add('e-1', taken()), table.add('e-2', taken({ generation: 'b' }))]
    table.move(a, 'bid')
    table.move(b, 'proposed', { result: { Type: 'ipfs', Params: { CID: 'Qm' } } })
    await journal.flushed()
    const again = await open(t, store)
    assert.deepEqual(again.table.all(), table.all())
    assert.deepEqual(again.table.requesters(), ['QmR'])
    assert.deepEqual(again.table.get('e-2')?.taken.result, { Type: 'ipfs', Params: { CID: 'Qm' } })
  })

  test('keeps its job until the compute node holds it, and no longer', async (t) => {
    const { table } = await open(t)
    let entry = table.add('e-1', taken())
    for (const phase of PHASES) {
      entry = table.move(entry, phase)
      assert.equal(entry.taken.offer !== undefined, ['asked', 'bid', 'ordered'].includes(phase), phase)
    }
  })

  test('is gone when it ends, but its state is remembered for its requester', async (t) => {
    const { journal, table, rows } = await open(t)
    const entry = table.add('e-1', taken())
    await journal.flushed()
    assert.deepEqual(await rows(), ['e-1'])
    table.end(entry, 'Completed')
    table.end(entry, 'Failed')
    await journal.flushed()
    assert.deepEqual([await rows(), table.size, table.get('e-1')], [[], 0, undefined])
    assert.equal(table.stateOf('QmR', 'e-1'), 'Completed')
    assert.equal(table.stateOf('QmOther', 'e-1'), undefined)
  })

  test('is shown in the words of the Go program', async (t) => {
    const { table } = await open(t)
    let entry = table.add('e-1', taken())
    const states = PHASES.map((phase) => {
      entry = table.move(entry, phase)
      return table.stateOf('QmR', 'e-1')
    })
    assert.deepEqual(states, [
      'Created',
      'Created',
      'BidAccepted',
      'BidAccepted',
      'Cancelled',
      'Publishing',
      'Completed',
    ])
    entry = table.move(entry, 'held')
    entry.active = 'Running'
    assert.equal(table.stateOf('QmR', 'e-1'), 'Running')
    assert.equal(table.of('QmOther', 'e-1'), undefined)
  })

  test('that cannot be read is dropped, and the rest is kept', async (t) => {
    const store = createMemoryStore()
    await store.commit([put('go-taken', 'e-1', { requester: 1 }), put('go-taken', 'e-2', taken())])
    const { journal, table, rows } = await open(t, store)
    await journal.flushed()
    assert.deepEqual([await rows(), table.size], [['e-2'], 1])
  })

  test('weighs what the data in its jobs weighs', async (t) => {
    const { table } = await open(t)
    const URL = `data:,${'x'.repeat(1_000_000)}`
    const InputSources = [{ Source: { Type: 'inline', Params: { URL } }, Alias: '', Target: '/in' }]
    const entry = table.add('e-1', taken({ offer: { ...offer, job: sampleJob({ InputSources }) } }))
    table.add('e-2', taken())
    assert.ok(table.weight() > 1_000_000 && table.weight() < 1_020_000, String(table.weight()))
    table.move(entry, 'held')
    assert.ok(table.weight() < 10_000)
  })

  test('of ends only so many are remembered', async (t) => {
    const { table } = await open(t)
    for (let index = 0; index <= 10_000; index++) table.end(table.add(`e-${index}`, taken()), 'Failed')
    assert.deepEqual([table.stateOf('QmR', 'e-0'), table.stateOf('QmR', 'e-1')], [undefined, 'Failed'])
  })
})
