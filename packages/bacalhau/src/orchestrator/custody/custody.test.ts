import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { seededRandom } from '../../runtime/random.ts'
import { createVirtualClock, settle } from '../../runtime/virtual-clock.ts'
import { Journal } from '../../store/journal.ts'
import { createMemoryStore, type MemoryStore } from '../../store/memory.ts'
import { createCustody, type Custody } from './custody.ts'
import type { ResultKeeper } from './result-keeper.ts'

const CID = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
const job = (ID: string) => ({ ID })
const execution = (ID: string, cid: unknown = CID, Type = 'ipfs') => ({
  ID,
  PublishedResult: { Type, Params: { CID: cid } },
})

/** A network in which `answer` says how a fetch goes. Counts, and remembers what is kept. */
function createNetwork(answer: (cid: string, signal: AbortSignal) => Promise<number>) {
  const state = { tries: 0, running: 0, most: 0, pins: new Map<string, Set<string>>(), from: new Set<string>() }
  const keeper: ResultKeeper = {
    async keep(cid, from, name, maxBytes, signal) {
      state.tries += 1
      state.running += 1
      state.most = Math.max(state.most, state.running)
      state.from.add(from)
      try {
        const bytes = await answer(cid, signal)
        if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', 'too large')
        state.pins.set(name, (state.pins.get(name) ?? new Set()).add(cid))
        return { bytes }
      } finally {
        state.running -= 1
      }
    },
    async release(name) {
      state.pins.delete(name)
    },
  }
  return { state, keeper }
}

const unreachable = async (): Promise<number> => {
  throw new BacalhauError('ContentNotFound', 'the node is away')
}

const whenAborted = (signal: AbortSignal) =>
  new Promise<number>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))

async function start(keeper: ResultKeeper, options: { store?: MemoryStore; limit?: number; inMemory?: number } = {}) {
  const clock = createVirtualClock()
  const { store = createMemoryStore(), limit = 1_000, inMemory = 10_000 } = options
  const services = { store, clock, random: seededRandom(1), logger: silentLogger }
  const journal = new Journal(services)
  const custody: Custody = await createCustody({ ...services, journal, keeper, limit, inMemory })
  const rows = async () => {
    const all = await store.range('kept', { limit: 1_000 })
    return Object.fromEntries(all.map(({ key, value }) => [key, Object(value).state]))
  }
  return { clock, store, journal, custody, rows }
}

describe('results in custody', () => {
  test('are fetched once it is durable that their execution completed', async () => {
    const network = createNetwork(async () => 10)
    const { custody, rows } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    assert.equal(network.state.tries, 0)
    await settle()
    assert.deepEqual(await rows(), { 'j-1/e-1': 'kept' })
    assert.deepEqual([[...network.state.pins.keys()], [...network.state.from]], [['job/j-1'], ['node']])
  })

  test('are written down in the same unit as all else that was decided then', async () => {
    const network = createNetwork(unreachable)
    const { custody, store, rows } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await Promise.resolve()
    await Promise.resolve()
    store.crash()
    await settle()
    assert.deepEqual(await rows(), {}, 'what was not committed is not there')
    assert.equal(network.state.tries, 0)
  })

  test('that are too large are left alone, and so are those that are elsewhere', async () => {
    const network = createNetwork(async () => 1_001)
    const { custody, store, clock } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    for (const other of [execution('e-2', CID, 's3'), execution('e-3', 7), execution('e-4', undefined, '')]) {
      custody.noteCompleted(job('j-1'), other, 'node')
    }
    await settle()
    await clock.advance(LIMITS.keptFor)
    const all = await store.range('kept', { limit: 10 })
    assert.deepEqual(
      all.map(({ key, value }) => [key, Object(value).state, Object(value).reason]),
      [['j-1/e-1', 'given-up', 'too large']],
    )
    assert.equal(network.state.tries, 1)
  })

  test('of no size are kept where the limit is 0', async () => {
    const network = createNetwork(async () => 0)
    const { custody, rows } = await start(network.keeper, { limit: 0 })
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await settle()
    assert.deepEqual([await rows(), network.state.tries], [{}, 0])
  })

  test('are fetched a few at a time', async () => {
    const waiting: (() => void)[] = []
    const network = createNetwork(() => new Promise((resolve) => waiting.push(() => resolve(1))))
    const { custody } = await start(network.keeper)
    for (let index = 0; index < 20; index += 1) custody.noteCompleted(job('j-1'), execution(`e-${index}`), 'node')
    for (let round = 0; round < 20; round += 1) {
      await settle()
      waiting.shift()?.()
    }
    await settle()
    assert.deepEqual([network.state.tries, network.state.most, network.state.running], [20, 4, 0])
  })
})

describe('a result that cannot be had', () => {
  test('is tried again with growing pauses, and given up after a day', async () => {
    const network = createNetwork(unreachable)
    const { custody, clock, store, rows } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await settle()
    const tries: number[] = []
    for (let hour = 0; hour < 26; hour += 1) {
      tries.push(network.state.tries)
      await clock.advance(3_600_000)
    }
    assert.ok(tries[0] === 1 && (tries[1] ?? 0) > 8 && (tries[1] ?? 0) < 16, String(tries))
    assert.ok((tries[25] ?? 0) < 70, String(tries))
    assert.deepEqual(await rows(), { 'j-1/e-1': 'given-up' })
    assert.equal(Object(await store.get('kept', 'j-1/e-1')).reason, 'the node is away')
    assert.equal(clock.pending, 0)
  })

  test('does not keep others waiting', async () => {
    const network = createNetwork(async (cid) => (cid === CID ? unreachable() : 1))
    const { custody, rows } = await start(network.keeper)
    for (let index = 0; index < 50; index += 1) custody.noteCompleted(job('j-1'), execution(`e-${index}`), 'away')
    custody.noteCompleted(job('j-2'), execution('e-1', 'QmOther'), 'here')
    await settle(60)
    assert.equal((await rows())['j-2/e-1'], 'kept')
  })

  test('is kept when its node comes back', async () => {
    let away = true
    const network = createNetwork(async () => (away ? unreachable() : 5))
    const { custody, clock, rows } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await clock.advance(60_000)
    assert.deepEqual(await rows(), { 'open/j-1/e-1': 'wanted' })
    away = false
    await clock.advance(120_000)
    assert.deepEqual(await rows(), { 'j-1/e-1': 'kept' })
  })
})

describe('a restart', () => {
  test('takes up what was open, also what was under way', async () => {
    const stuck = createNetwork((_cid, signal) => whenAborted(signal))
    const first = await start(stuck.keeper)
    for (const id of ['e-1', 'e-2', 'e-3', 'e-4', 'e-5']) first.custody.noteCompleted(job('j-1'), execution(id), 'node')
    await settle()
    await first.custody.stop()
    await first.journal.stop()
    assert.equal(stuck.state.running, 0)
    const network = createNetwork(async () => 5)
    const second = await start(network.keeper, { store: first.store })
    await settle()
    assert.equal(network.state.tries, 5)
    assert.ok(Object.values(await second.rows()).every((state) => state === 'kept'))
  })

  test('does not hurry what has to wait', async () => {
    const network = createNetwork(unreachable)
    const first = await start(network.keeper)
    first.custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await settle()
    await first.custody.stop()
    const second = await start(network.keeper, { store: first.store })
    await settle()
    assert.equal(network.state.tries, 1)
    await second.clock.advance(9_000)
    assert.equal(network.state.tries, 2)
  })

  test('ignores rows that are none', async () => {
    const store = createMemoryStore()
    await store.commit([{ op: 'put', table: 'kept', key: 'open/j-1/e-1', value: { cid: 7 } }])
    const network = createNetwork(async () => 5)
    await start(network.keeper, { store })
    await settle()
    assert.equal(network.state.tries, 0)
  })
})

describe('a job that is removed', () => {
  test('takes its results along, and only those', async () => {
    const network = createNetwork(async () => 5)
    const { custody, rows } = await start(network.keeper)
    for (const id of ['j-1', 'j-2']) custody.noteCompleted(job(id), execution('e-1'), 'node')
    await settle()
    custody.drop('j-1')
    await settle()
    assert.deepEqual([await rows(), [...network.state.pins.keys()]], [{ 'j-2/e-1': 'kept' }, ['job/j-2']])
  })

  test('ends a fetch under way', async () => {
    const network = createNetwork((_cid, signal) => whenAborted(signal))
    const { custody, clock, rows } = await start(network.keeper)
    for (let index = 0; index < 6; index += 1) custody.noteCompleted(job('j-1'), execution(`e-${index}`), 'node')
    await settle()
    custody.drop('j-1')
    await settle()
    assert.deepEqual([await rows(), network.state.running, network.state.tries], [{}, 0, 4])
    await clock.advance(3_600_000)
    assert.equal(network.state.tries, 4)
  })

  test('leaves nothing behind when a fetch ends too late to be stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const network = createNetwork(() => promise)
    const { custody, rows } = await start(network.keeper)
    custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await settle()
    custody.drop('j-1')
    await settle()
    resolve(5)
    await settle()
    assert.deepEqual([await rows(), network.state.pins.size], [{}, 0])
  })

  test('lets go of its results after a crash that came in between', async () => {
    const network = createNetwork(async () => 5)
    const first = await start(network.keeper)
    first.custody.noteCompleted(job('j-1'), execution('e-1'), 'node')
    await settle()
    const failing = { ...network.keeper, release: () => Promise.reject(new Error('crashed')) }
    const second = await start(failing, { store: first.store })
    second.custody.drop('j-1')
    await settle()
    assert.equal(network.state.pins.size, 1)
    const third = await start(network.keeper, { store: first.store })
    await settle()
    assert.deepEqual([await third.rows(), network.state.pins.size], [{}, 0])
  })
})

test('more results than fit in memory are all fetched', async () => {
  const network = createNetwork(async () => 1)
  const { custody, store } = await start(network.keeper, { inMemory: 10 })
  const count = 700
  for (let index = 0; index < count; index += 1) custody.noteCompleted(job('j-1'), execution(`e-${index}`), 'node')
  for (let round = 0; network.state.tries < count && round < 500; round += 1) await settle(100)
  await settle()
  assert.equal(network.state.tries, count)
  assert.deepEqual(await store.range('kept', { prefix: 'open/', limit: 1 }), [])
})
