import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { someResources } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import { offer, openBench, OWNER } from './fixtures/bench.ts'

const ids = (count: number, first = 0) => Array.from({ length: count }, (_, index) => `e-${first + index}`)
const AT_ONCE = { params: { AtOnce: true } }
const SMALL = someResources({ CPU: 1 })

/** The store, with each of its units noted. */
const watched = (store: MemoryStore, units: string[][]): Store => ({
  ...store,
  commit: (writes) => {
    units.push(
      writes.map(({ op, table, key = '' }: { op: string; table: string; key?: string }) => `${op} ${table} ${key}`),
    )
    return store.commit(writes)
  },
})

describe('an execution', () => {
  test('is begun at once, and nothing of it is told before it is durable', async (t) => {
    const { workload, runner, office, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    assert.deepEqual([runner.running, office.words()], [['e-1'], []])
    await rest()
    assert.deepEqual(office.words(), ['accepted e-1'])
    const [held] = await rows('held')
    const order = `${OWNER}/${offer([]).job.ID}/1`
    assert.deepEqual(held, { key: 'e-1', value: { orchestrator: OWNER, order, partition: 0, starts: 1 } })
    const [row] = await rows('order')
    assert.deepEqual(row, { key: order, value: { job: offer([]).job, resources: SMALL } })
    assert.deepEqual(workload.held(OWNER), [{ executionId: 'e-1', state: 5 }])
  })

  test('point 27: is told of state by state, and leaves no row', async (t) => {
    const { workload, runner, office, clock, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    await rest()
    runner.progress('e-1', 6)
    await rest()
    assert.deepEqual(workload.held(OWNER), [{ executionId: 'e-1', state: 6 }])
    runner.progress('e-1', 7)
    await clock.advance(LIMITS.progressDelay)
    runner.end('e-1')
    await rest()
    assert.deepEqual(office.words(), ['accepted e-1', 'running e-1', 'publishing e-1', 'completed e-1'])
    assert.deepEqual([await rows('held'), await rows('order'), workload.held(OWNER)], [[], [], []])
    assert.deepEqual([workload.free(), workload.running()], [someResources({ CPU: 4, Memory: 8e9 }), 0])
  })

  test('is told of before it runs, to its orchestrator, and not any more once it runs', async (t) => {
    const { workload, runner, office, clock, journal, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1', 'e-2']))
    runner.preparing('e-1', 'image: 34 %')
    runner.preparing('e-2', 'image: 10 %')
    await clock.advance(LIMITS.preparingPause)
    const once = [`${OWNER} e-1: image: 34 %`, `${OWNER} e-2: image: 10 %`]
    assert.deepEqual([office.preparing, journal.trouble], [once, undefined])
    runner.preparing('e-1', 'image: all of it')
    runner.progress('e-1', 6)
    runner.preparing('e-2', 'image: 20 %')
    runner.end('e-2')
    await rest()
    await clock.advance(2 * LIMITS.preparingPause)
    workload.greet(OWNER)
    assert.deepEqual(office.preparing, once)
  })

  test('that changes several times within a unit is told of once', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1', 'e-2']))
    runner.progress('e-1', 6)
    runner.progress('e-2', 6)
    runner.progress('e-2', 7)
    await rest()
    assert.deepEqual(office.words(), ['running e-1', 'publishing e-2'])
  })

  test('that ends at once is one report and was never in the store; many do not even count as load', async (t) => {
    const written: string[] = []
    const view = (store: MemoryStore): Store => ({
      ...store,
      commit: (writes) => {
        written.push(...writes.map(({ table }) => table))
        return store.commit(writes)
      },
    })
    const { workload, runner, office, rest } = await openBench(t, { view, capacity: SMALL })
    workload.take(OWNER, offer(ids(512), AT_ONCE))
    await rest()
    assert.deepEqual(
      office.words(),
      ids(512).map((id) => `completed ${id}`),
    )
    assert.deepEqual([runner.asked, new Set(written)], [1, new Set(['link-out'])])
  })

  test('is taken with its offer or not at all: its row is in the unit of the parcel', async (t) => {
    const units: string[][] = []
    const { workload, runner, office, rest } = await openBench(t, { view: (memory) => watched(memory, units) })
    // As the link does: first the number of the parcel, then its messages.
    office.receive()
    workload.take(OWNER, offer(['e-1']))
    await rest()
    runner.end('e-1')
    await rest()
    const order = `${OWNER}/${offer([]).job.ID}/1`
    assert.deepEqual(units, [
      ['put held e-1', `put order ${order}`, 'put link-out c/000000001'],
      ['delete held e-1', `delete order ${order}`, 'put link-out c/000000002'],
    ])
  })

  test('belongs to the orchestrator that offered it: nobody else sees, ends or repeats it', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    workload.cancel('QmOther', 'e-1', 'mine now')
    workload.take('QmOther', offer(['e-1']))
    await rest()
    assert.deepEqual([runner.running, workload.held('QmOther')], [['e-1'], []])
    assert.deepEqual(office.words().toSorted(), ['accepted e-1', 'refused e-1'])
  })

  test('point 25: offered again is not run again; the answer is given again', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    await rest()
    workload.take(OWNER, offer(['e-1']))
    await rest()
    runner.progress('e-1', 6)
    await rest()
    workload.take(OWNER, offer(['e-1']))
    await rest()
    assert.deepEqual(office.words(), ['accepted e-1', 'accepted e-1', 'running e-1', 'running e-1'])
    assert.deepEqual(runner.begun, ['e-1'])
  })

  test('that a fault of the program ends is a failed one, and its resources are free', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    runner.fault = new Error('boom')
    workload.take(OWNER, offer(['e-1']))
    await rest()
    assert.deepEqual(office.told.at(-1), { type: 'failed', executionId: 'e-1', code: 'InternalError', message: 'boom' })
    assert.deepEqual(workload.running(), 0)
  })
})

describe('the document of a job', () => {
  test('is kept once for all its executions, until the last has ended', async (t) => {
    const { workload, runner, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1', 'e-2']))
    await rest()
    workload.take(OWNER, offer(['e-3']))
    runner.end('e-1')
    runner.end('e-2')
    await rest()
    assert.deepEqual([(await rows('held')).length, (await rows('order')).length], [1, 1])
    runner.end('e-3')
    await rest()
    assert.deepEqual([await rows('held'), await rows('order')], [[], []])
  })

  test('stays when a new execution comes in the unit in which the last one ends', async (t) => {
    const { workload, runner, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    await rest()
    runner.end('e-1')
    workload.take(OWNER, offer(['e-2']))
    await rest()
    assert.deepEqual(
      (await rows('held')).map(({ key }) => key),
      ['e-2'],
    )
    assert.equal((await rows('order')).length, 1)
  })

  test('is one for each version, and for each orchestrator', async (t) => {
    const { workload, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    workload.take(OWNER, offer(['e-2'], { job: { Version: 2 } }))
    workload.take('QmOther', offer(['e-3']))
    await rest()
    assert.equal((await rows('order')).length, 3)
  })
})

describe('room', () => {
  test('is never promised twice; what has none waits, by priority, then arrival', async (t) => {
    const { workload, runner, rest } = await openBench(t, { capacity: SMALL })
    workload.take(OWNER, offer(['a-1', 'a-2', 'a-3']))
    workload.take(OWNER, offer(['b-1', 'b-2'], { job: { ID: 'j-b', Priority: 9 } }))
    workload.take(OWNER, offer(['c-1'], { job: { ID: 'j-c', Priority: -1 } }))
    assert.deepEqual([workload.running(), workload.waiting(), workload.free().CPU], [1, 5, 0])
    for (let round = 0; round < 6; round++) {
      assert.equal(runner.running.length, 1)
      runner.end(runner.running[0] ?? '')
      await rest()
    }
    assert.deepEqual(runner.begun, ['a-1', 'b-1', 'b-2', 'a-2', 'a-3', 'c-1'])
    assert.deepEqual(workload.free(), SMALL)
  })

  test('point 28: is not taken by small ones while a large one waits for it', async (t) => {
    const { workload, runner, rest } = await openBench(t, { capacity: someResources({ CPU: 2, Memory: 2e9 }) })
    workload.take(OWNER, offer(['small-1']))
    workload.take(OWNER, offer(['large'], { job: { ID: 'j-l' }, resources: { CPU: 2 } }))
    workload.take(OWNER, offer(['small-2']))
    assert.deepEqual(runner.running, ['small-1'])
    runner.end('small-1')
    await rest()
    assert.deepEqual(runner.running, ['large'])
    runner.end('large')
    await rest()
    assert.deepEqual(runner.running, ['small-2'])
  })

  test('does not drift, however often it is taken and given back', async (t) => {
    const { workload, runner, rest } = await openBench(t)
    for (let round = 0; round < 30; round++) {
      workload.take(OWNER, offer([`e-${round}`], { resources: { CPU: 0.1, Memory: 1 } }))
    }
    for (const id of runner.running) runner.end(id)
    await rest()
    assert.deepEqual(workload.free(), someResources({ CPU: 4, Memory: 8e9 }))
  })

  test('those that end at once wait their turn, and then all go', async (t) => {
    const { workload, runner, office, rest } = await openBench(t, { capacity: SMALL })
    workload.take(OWNER, offer(['slow']))
    workload.take(OWNER, offer(ids(100), { job: { ID: 'j-quick' }, ...AT_ONCE }))
    await rest()
    assert.deepEqual([runner.begun, workload.waiting()], [['slow'], 100])
    runner.end('slow')
    await rest()
    assert.equal(workload.waiting(), 0)
    assert.equal(office.words().filter((words) => words.startsWith('completed')).length, 101)
  })
})

describe('refused is', () => {
  const refusals = (told: readonly object[]) =>
    told.flatMap((report) => ('reason' in report && 'later' in report ? [[report.reason, report.later] as const] : []))

  test('for good, what does not suit; asked once for all executions of an offer', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    workload.take(OWNER, offer(ids(3), { params: { Unsuitable: 'no such engine' } }))
    await rest()
    assert.deepEqual(
      refusals(office.told),
      ids(3).map(() => ['no such engine', false]),
    )
    assert.deepEqual([runner.asked, runner.begun], [1, []])
  })

  test('point 25: for good, what is larger than the node, and ids that are none', async (t) => {
    const { workload, office, rest, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1'], { resources: { CPU: 5 } }))
    workload.take(OWNER, offer(['../e-1', 'e/1', '.', 'x'.repeat(129), ''], {}))
    workload.take(OWNER, offer(['e-2'], { job: { ID: 'j\u{10FFFF}' } }))
    await rest()
    const [first, ...others] = refusals(office.told)
    assert.match(String(first?.[0]), /never has 5 cores of CPU \(4 available\)/)
    assert.deepEqual(others, [...ids(5).map(() => ['the execution id is none', false]), ['the job id is none', false]])
    assert.deepEqual(await rows('held'), [])
  })

  test('point 28: for now, what is more than can wait', async (t) => {
    const { workload, office, rest } = await openBench(t, { capacity: SMALL })
    workload.take(OWNER, offer(ids(LIMITS.queuedExecutions + 2)))
    await rest()
    const [refusal, ...more] = refusals(office.told)
    assert.deepEqual([refusal?.[1], more], [true, []])
    assert.match(String(refusal?.[0]), /lacks 1 cores of CPU \(0 available\).* and has 256 executions waiting/)
    assert.deepEqual([workload.running(), workload.waiting()], [1, LIMITS.queuedExecutions])
  })

  test('for now, what is more than can be held, though it needs nothing', async (t) => {
    const { workload, office, rest } = await openBench(t)
    const none = { resources: { CPU: 0, Memory: 0 } }
    workload.take(OWNER, offer(ids(LIMITS.heldExecutions), none))
    workload.take(OWNER, offer(['e-more'], none))
    await rest()
    assert.deepEqual(refusals(office.told), [['this node already holds 10000 executions', true]])
  })

  test('in words that fit on the link', async (t) => {
    const { workload, office, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1'], { params: { Unsuitable: 'x'.repeat(1e5) } }))
    await rest()
    assert.equal(String(refusals(office.told)[0]?.[0]).length, LIMITS.message)
  })

  test('for now, all that comes while the store cannot be written; what runs is told of when it can', async (t) => {
    let full = false
    const view = (store: MemoryStore): Store => ({
      ...store,
      commit: (writes) => (full ? Promise.reject(new BacalhauError('DiskFull', 'no room')) : store.commit(writes)),
    })
    const { workload, runner, office, clock, rest } = await openBench(t, { view })
    workload.take(OWNER, offer(['e-1']))
    await rest()
    full = true
    runner.end('e-1')
    await rest()
    workload.take(OWNER, offer(['e-2']))
    await rest()
    assert.deepEqual([office.words(), runner.begun], [['accepted e-1'], ['e-1']])
    full = false
    await clock.advance(60_000)
    assert.deepEqual(office.words(), ['accepted e-1', 'completed e-1', 'refused e-2'])
    assert.match(String(refusals(office.told)[0]?.[0]), /cannot write its store: no room/)
    workload.take(OWNER, offer(['e-3']))
    assert.deepEqual(runner.running, ['e-3'])
  })
})

describe('cancelling', () => {
  test('point 26: works in the turn of the offer, waiting, preparing, running and publishing; twice is once', async (t) => {
    for (const stage of ['fresh', 'preparing', 'running', 'publishing'] as const) {
      const { workload, runner, office, rest, rows } = await openBench(t)
      workload.take(OWNER, offer(['e-1']))
      if (stage !== 'fresh') await rest()
      if (stage === 'running') runner.progress('e-1', 6)
      if (stage === 'publishing') runner.progress('e-1', 7)
      workload.cancel(OWNER, 'e-1', stage)
      workload.cancel(OWNER, 'e-1', 'again')
      await rest()
      workload.cancel(OWNER, 'e-1', 'late')
      await rest()
      assert.deepEqual(office.told.at(-1), { type: 'cancelled', executionId: 'e-1', message: stage })
      assert.equal(office.words().filter((words) => words === 'cancelled e-1').length, 1)
      assert.deepEqual([await rows('held'), runner.running, workload.running()], [[], [], 0])
    }
  })

  test('point 26: of what waits keeps it from running, and lets the next one go', async (t) => {
    const { workload, runner, office, rest } = await openBench(t, { capacity: someResources({ CPU: 2, Memory: 4e9 }) })
    workload.take(OWNER, offer(['e-1']))
    workload.take(OWNER, offer(['large'], { job: { ID: 'j-l' }, resources: { CPU: 2 } }))
    workload.take(OWNER, offer(['e-2']))
    await rest()
    workload.cancel(OWNER, 'large', 'no longer wanted')
    await rest()
    assert.deepEqual([runner.begun, workload.waiting()], [['e-1', 'e-2'], 0])
    assert.ok(office.words().includes('cancelled large'))
  })

  test('of what is not here does nothing', async (t) => {
    const { workload, office, rest } = await openBench(t)
    workload.cancel(OWNER, 'e-1', 'never offered')
    await rest()
    assert.deepEqual(office.told, [])
  })

  test('of what has just completed leaves it completed', async (t) => {
    const { workload, runner, office, rest } = await openBench(t)
    workload.take(OWNER, offer(['e-1']))
    runner.end('e-1')
    workload.cancel(OWNER, 'e-1', 'too late')
    await rest()
    assert.equal(office.words().at(-1), 'completed e-1')
  })
})

describe('stopping', () => {
  test('interrupts what runs and keeps it for the next start, which counts as the first', async (t) => {
    const { workload, runner, office, journal, store, rest } = await openBench(t, { capacity: SMALL })
    workload.take(OWNER, offer(['e-1', 'e-2']))
    await rest()
    for (let round = 0; round < 2 * LIMITS.interruptedStarts; round++) {
      const again = round === 0 ? { workload, runner, office, journal } : await openBench(t, { store, capacity: SMALL })
      assert.deepEqual(again.runner.running, ['e-1'])
      await again.workload.stop()
      again.workload.take(OWNER, offer(['e-3']))
      await again.journal.stop()
      assert.deepEqual(
        again.office.words().filter((words) => !words.startsWith('accepted')),
        ['refused e-3'],
      )
      assert.deepEqual(again.workload.held(OWNER).length, 2)
    }
  })

  test('lets what has been cancelled before end as cancelled, and what completes as completed', async (t) => {
    const { workload, runner, office, journal, rows } = await openBench(t)
    workload.take(OWNER, offer(['e-1', 'e-2', 'e-3']))
    workload.cancel(OWNER, 'e-1', 'no longer wanted')
    runner.end('e-2')
    await workload.stop()
    await journal.stop()
    assert.deepEqual(office.words().slice(-2).toSorted(), ['cancelled e-1', 'completed e-2'])
    assert.deepEqual(
      (await rows('held')).map(({ key }) => key),
      ['e-3'],
    )
  })
})

describe('after a crash', () => {
  test('what was held is run again, what had begun first, and nothing is told twice', async (t) => {
    const capacity = SMALL
    const first = await openBench(t, { capacity })
    first.workload.take(OWNER, offer(['z-1', 'a-1', 'a-2']))
    await first.rest()
    const { runner, office, workload, store, rest, rows } = await openBench(t, { store: first.store, capacity })
    assert.deepEqual([runner.recovered, runner.running], [['z-1', 'a-1', 'a-2'], ['z-1']])
    assert.deepEqual(runner.order('z-1').job, offer([]).job)
    assert.deepEqual(workload.held(OWNER).length, 3)
    for (const id of ['z-1', 'a-1', 'a-2']) {
      await rest()
      runner.end(id)
    }
    await rest()
    assert.deepEqual(office.words(), ['completed z-1', 'completed a-1', 'completed a-2'])
    assert.deepEqual([await rows('held'), await rows('order'), await store.get('held', 'z-1')], [[], [], undefined])
  })

  test('what was not durable is not there', async (t) => {
    const first = await openBench(t)
    first.workload.take(OWNER, offer(['e-1']))
    first.store.crash()
    const { runner, workload } = await openBench(t, { store: first.store })
    assert.deepEqual([runner.begun, workload.held(OWNER)], [[], []])
  })

  test('an execution that went down with the node again and again is lost, and the others are not', async (t) => {
    const { store, workload, rest } = await openBench(t)
    workload.take(OWNER, offer(['poison']))
    await rest()
    for (let start = 2; start <= LIMITS.interruptedStarts; start++) {
      const again = await openBench(t, { store })
      assert.deepEqual(again.runner.running, ['poison'], `start ${start}`)
      await again.rest()
    }
    const last = await openBench(t, { store })
    last.workload.take(OWNER, offer(['fine']))
    await last.rest()
    assert.deepEqual(last.runner.running, ['fine'])
    const [report] = last.office.told
    assert.ok(report?.type === 'failed')
    assert.deepEqual([report.executionId, report.code], ['poison', 'NodeLost'])
    assert.match(report.message, /went down 3 times/)
    assert.equal(await store.get('held', 'poison'), undefined)
  })

  test('the row of what is lost goes in the unit of the report', async (t) => {
    const store = createMemoryStore()
    await store.commit([put('held', 'e-1', { orchestrator: OWNER, order: 'gone', partition: 0, starts: 0 })])
    const units: string[][] = []
    const { rest } = await openBench(t, { store, view: (memory) => watched(memory, units) })
    await rest()
    assert.deepEqual(units, [['delete held e-1', 'put link-out c/000000001']])
  })

  test('a damaged row is reported as lost where it still says to whom, else dropped; so are stray orders', async (t) => {
    const store = createMemoryStore()
    const { job, resources } = offer([])
    const order = `${OWNER}/${job.ID}/1`
    const row = { orchestrator: OWNER, order, partition: 0, starts: 0 }
    await store.commit([
      put('order', order, { job, resources }),
      put('order', 'stray', { job, resources }),
      put('order', 'damaged', { job: { ID: 7 }, resources }),
      put('held', 'e-1', row),
      put('held', 'e-2', { ...row, starts: 'many' }),
      put('held', 'e-3', { ...row, order: 'damaged' }),
      put('held', 'e-4', { ...row, orchestrator: 7 }),
      put('held', 'e-5', 'nothing at all'),
      put('held', '../e-6', row),
    ])
    const { office, runner, rest, rows } = await openBench(t, { store })
    await rest()
    assert.deepEqual(runner.running, ['e-1'])
    assert.deepEqual(
      office.told.map((report) => report.type === 'failed' && [report.executionId, report.code]),
      ['../e-6', 'e-2', 'e-3'].map((id) => [id, 'NodeLost']),
    )
    assert.deepEqual(
      [...(await rows('held')), ...(await rows('order'))].map(({ key }) => key),
      ['e-1', order],
    )
  })
})

describe('a node that is short of something', () => {
  test('takes nothing for the moment, and refuses for good what it never could run', async (t) => {
    const short = { words: 'this node is short of disk' as string | undefined }
    const { workload, runner, office, rest } = await openBench(t, { shortage: () => short.words })
    workload.take(OWNER, offer(['e-1']))
    workload.take(OWNER, offer(['e-2'], { job: { ID: 'j-2' }, params: { Unsuitable: 'never here' } }))
    await rest()
    assert.deepEqual(office.told, [
      { type: 'refused', executionId: 'e-1', reason: 'this node is short of disk', later: true },
      { type: 'refused', executionId: 'e-2', reason: 'never here', later: false },
    ])
    short.words = undefined
    workload.take(OWNER, offer(['e-1']))
    assert.deepEqual(runner.running, ['e-1'])
  })
})

describe('a job that the node makes its mind up about', () => {
  async function considering(t: Parameters<typeof openBench>[0]) {
    const bench = await openBench(t)
    const { promise, resolve } = Promise.withResolvers<{ reason: string; later: boolean } | undefined>()
    bench.runner.opinion = promise
    return { ...bench, decide: resolve }
  }

  test('point 28: is neither answered nor held until then, and runs when it is wanted', async (t) => {
    const { workload, runner, office, rest, rows, decide } = await considering(t)
    workload.take(OWNER, offer(['e-1', 'e-2']))
    await rest()
    assert.deepEqual([office.words(), await rows('held'), runner.begun], [[], [], []])
    decide(undefined)
    await rest()
    assert.deepEqual(office.words(), ['accepted e-1', 'accepted e-2'])
    // What has been decided holds for the job as long as it is here.
    workload.take(OWNER, offer(['e-3']))
    await rest()
    assert.deepEqual([runner.considered.length, runner.begun], [1, ['e-1', 'e-2', 'e-3']])
  })

  test('is refused with the reason', async (t) => {
    const { workload, office, rest, decide } = await considering(t)
    workload.take(OWNER, offer(['e-1']))
    decide({ reason: 'this node does not want it', later: true })
    await rest()
    assert.deepEqual(office.told, [
      { type: 'refused', executionId: 'e-1', reason: 'this node does not want it', later: true },
    ])
  })

  test('can be cancelled meanwhile, by its own orchestrator', async (t) => {
    const { workload, runner, office, rest, decide } = await considering(t)
    workload.take(OWNER, offer(['e-1', 'e-2']))
    workload.cancel('QmOther', 'e-2', 'not yours')
    workload.cancel(OWNER, 'e-1', 'enough')
    await rest()
    assert.deepEqual(office.words(), ['cancelled e-1'])
    decide(undefined)
    await rest()
    assert.deepEqual([office.words(), runner.begun], [['cancelled e-1', 'accepted e-2'], ['e-2']])
  })

  test('is taken once, however often it is offered meanwhile', async (t) => {
    const { workload, runner, office, rest, decide } = await considering(t)
    workload.take(OWNER, offer(['e-1']))
    workload.take(OWNER, offer(['e-1']))
    decide(undefined)
    await rest()
    assert.deepEqual([office.words(), runner.begun], [['accepted e-1'], ['e-1']])
  })

  test('is not answered by a node that is being stopped, which waits for nothing but the end of its question', async (t) => {
    const { workload, office, rest, decide } = await considering(t)
    workload.take(OWNER, offer(['e-1']))
    const stopped = workload.stop()
    decide({ reason: 'stopped', later: true })
    await stopped
    await rest()
    assert.deepEqual(office.told, [])
  })

  test('can be asked about before it is offered, and nothing comes of that', async (t) => {
    const { workload, runner, office, rest, rows, decide } = await considering(t)
    const asking = workload.consider(OWNER, offer(['e-1']))
    decide({ reason: 'not today', later: true })
    assert.deepEqual(await asking, { reason: 'not today', later: true })
    runner.opinion = undefined
    assert.equal(await workload.consider(OWNER, offer(['e-1'])), undefined)
    const huge = { ...offer(['e-1']), resources: someResources({ CPU: 1_000 }) }
    assert.match((await workload.consider(OWNER, huge))?.reason ?? '', /this node never has 1000 cores/)
    await rest()
    assert.deepEqual([office.told, await rows('held'), runner.begun], [[], [], []])
  })
})
