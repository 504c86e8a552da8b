import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sampleNode, someResources } from '../link/fixtures/samples.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { OpenJob } from './open-job.ts'
import { someRun } from './fixtures/jobs.ts'
import { connect, placingBench, type PlacingBench, wait } from './fixtures/placing.ts'
import { freeShare } from './pools.ts'

describe('the pool of a shape', () => {
  test('has all suitable nodes, and as open ones those with room, whatever happens to them', () => {
    const nodes = ['QmA', 'QmB', 'QmC', 'QmD']
    const move = fc.constantFrom('fill', 'free', 'leave', 'come', 'change', 'pause', 'forget', 'flood', 'drain')
    const step = fc.record({ node: fc.constantFrom(...nodes), move })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = placingBench()
        const job = wait(bench, 'job', { cpu: 3 })
        const pool = bench.pools.of(job)
        for (const { node, move: what } of steps) {
          happen(bench, job, node, what)
          const members = bench.cluster.candidates().filter(({ info }) => pool.suits(info))
          const open = members.filter((member) => bench.pools.hasRoom(pool, member))
          assert.deepEqual(new Set(pool.suitable.values()), new Set(members))
          assert.deepEqual(new Set(pool.open), new Set(open))
          assert.equal(pool.open.length, open.length)
          for (const peer of nodes)
            assert.equal(
              pool.isOpen(peer),
              open.some((member) => member.peer === peer),
            )
        }
      }),
      { numRuns: 200 },
    )
  })

  function happen(bench: PlacingBench, job: OpenJob, node: string, move: string) {
    const run = someRun({ id: `e-${node}`, node, resources: someResources({ CPU: 3 }) })
    const { assignments, cluster, pools, pauses, backlog } = bench
    if (move === 'fill' && assignments.find(node, run.id) === undefined) assignments.add(job, run)
    if (move === 'free') assignments.remove(run)
    if (move === 'pause') pauses.begin(job.shape, node)
    if (move === 'flood' || move === 'drain') backlog.set(node, move === 'flood' ? LIMITS.unansweredOffers + 1 : 0)
    pools.roomChanged(node)
    if (move === 'come') connect(bench, node)
    if (move === 'leave') cluster.disconnect(node, 'cut')
    if (move === 'forget') cluster.forget(node)
    if (move === 'change') cluster.heard(node, sampleNode(node, { ExecutionEngines: [] }))
    pools.nodeChanged(node)
  }

  test('leaves a node alone that is behind, until it has caught up', () => {
    const bench = placingBench()
    connect(bench, 'QmA')
    const pool = bench.pools.of(wait(bench, 'job'))
    bench.backlog.set('QmA', LIMITS.unansweredOffers + 1)
    assert.deepEqual([bench.pools.isBehind('QmA'), bench.pools.isBehind('QmB')], [true, false])
    bench.pools.roomChanged('QmA')
    assert.deepEqual([pool.isOpen('QmA'), bench.pools.caughtUp()], [false, false])
    bench.backlog.set('QmA', LIMITS.unansweredOffers)
    assert.deepEqual([bench.pools.caughtUp(), pool.isOpen('QmA'), bench.pools.caughtUp()], [true, true, false])
  })

  test('knows the nodes that were there before it', () => {
    const bench = placingBench()
    connect(bench, 'QmA')
    connect(bench, 'QmSmall', 1)
    const pool = bench.pools.of(wait(bench, 'job', { cpu: 2 }))
    assert.deepEqual([...pool.suitable.keys()], ['QmA'])
    assert.equal(bench.pools.of(wait(bench, 'alike', { cpu: 2 })), pool)
    assert.notEqual(bench.pools.of(wait(bench, 'other', { cpu: 1 })), pool)
  })

  test('stays what it is when the job that it began with asks for something else in its next version', () => {
    const bench = placingBench()
    const member = connect(bench, 'QmA', 2)
    const job = wait(bench, 'job', { cpu: 2 })
    const pool = bench.pools.of(job)
    bench.lines.leave(job)
    job.ledger.renew(
      { ...job.job, Tasks: job.job.Tasks.map((task) => ({ ...task, Resources: { CPU: '8', Memory: '1' } })) },
      { topic: 'Submission', message: 'Job updated' },
    )
    job.replan()
    assert.ok(bench.pools.hasRoom(pool, member) && pool.suits(member.info))
    assert.equal(bench.pools.of(wait(bench, 'alike', { cpu: 2 })), pool)
    assert.notEqual(bench.pools.of(job), pool)
  })

  test('is forgotten when there are many that were used later', () => {
    const bench = placingBench()
    const jobs = Array.from({ length: 80 }, (_, index) => wait(bench, `job ${index}`, { cpu: index + 1 }))
    const pools = jobs.map((job) => bench.pools.of(job))
    const [first] = jobs
    if (first !== undefined) bench.pools.of(first)
    bench.pools.tidy(80)
    bench.pools.tidy(0)
    const known = jobs.filter((job, index) => bench.pools.of(job) === pools[index])
    assert.equal(known.length, 64)
    assert.deepEqual([known[0], known[1]], [first, jobs[17]])
  })
})

describe('a node without room', () => {
  test('is sent work ahead where that is known to be short, up to a bound', () => {
    const bench = placingBench()
    const job = wait(bench, 'job', { cpu: 4 })
    const member = connect(bench, 'QmA')
    const pool = bench.pools.of(job)
    const give = (index: number) =>
      bench.assignments.add(job, someRun({ id: `e-${index}`, node: 'QmA', resources: job.resources }))
    give(0)
    assert.equal(bench.pools.hasRoom(pool, member), false)
    for (let run = 0; run < 8; run++) bench.pace.note(job.kin, 5)
    assert.equal(bench.pools.hasRoom(pool, member), true)
    for (let index = 1; index < LIMITS.queuedExecutions; index++) give(index)
    assert.equal(bench.pools.hasRoom(pool, member), false)
  })
})

test('the free share of a node is that of what is scarcer', () => {
  const total = someResources({ CPU: 4, Memory: 100 })
  assert.equal(freeShare(someResources({ CPU: 2, Memory: 100 }), total), 0.5)
  assert.equal(freeShare(someResources({ CPU: 4, Memory: 25 }), total), 0.25)
  assert.equal(freeShare(total, someResources({ CPU: 0, Memory: 0 })), 0)
})
