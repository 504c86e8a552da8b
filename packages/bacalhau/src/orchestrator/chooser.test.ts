import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { someResources } from '../link/fixtures/samples.ts'
import { someRun } from './fixtures/jobs.ts'
import { connect, placingBench, type PlacingOptions, wait } from './fixtures/placing.ts'
import type { Trouble } from './retry.ts'

/** Nodes with so many of their 4 cores in use. */
function benchOf(used: Readonly<Record<string, number>>, options: PlacingOptions = {}) {
  const bench = placingBench(options)
  const job = wait(bench, 'job', { cpu: 1 })
  for (const [peer, CPU] of Object.entries(used)) {
    bench.assignments.add(job, someRun({ id: `e-${peer}`, node: peer, resources: someResources({ CPU, Memory: 0 }) }))
    connect(bench, peer)
  }
  const choose = (trouble?: Trouble) => bench.chooser.choose(job, bench.pools.of(job), trouble)?.peer
  return { ...bench, bench, job, choose }
}

const troubleAt = (...nodes: string[]): Trouble => ({ failures: 1, losses: 0, avoid: new Set(nodes), previous: 'e-0' })
const IMAGE = { Type: 'script', Params: { Image: 'ubuntu' } }

describe('the choice of a node', () => {
  test('spreads to where most room is, or packs to where least is', () => {
    const used = { QmFree: 0, QmHalf: 2, QmNearlyFull: 3 }
    assert.equal(benchOf(used).choose(), 'QmFree')
    assert.equal(benchOf(used, { strategy: 'pack' }).choose(), 'QmNearlyFull')
  })

  test('is one with room: there is none where all are full', () => {
    assert.equal(benchOf({ QmFull: 4, QmHalf: 2 }).choose(), 'QmHalf')
    assert.equal(benchOf({ QmFull: 4 }).choose(), undefined)
  })

  test('takes the node that has the image before the one with more room', () => {
    const { job, locality, choose } = benchOf({ QmFree: 0, QmHolder: 3 })
    Object.assign(job.job.Tasks[0] ?? {}, { Engine: IMAGE })
    assert.equal(choose(), 'QmFree')
    locality.note(job.job, 'QmHolder', undefined)
    assert.equal(choose(), 'QmHolder')
  })

  test('does not wait for a holder that has no room', () => {
    const { job, locality, choose } = benchOf({ QmFree: 0, QmHolder: 4 })
    Object.assign(job.job.Tasks[0] ?? {}, { Engine: IMAGE })
    locality.note(job.job, 'QmHolder', undefined)
    assert.equal(choose(), 'QmFree')
  })

  test('goes where it went wrong only when there is nowhere else', () => {
    const { job, locality, choose } = benchOf({ QmBad: 0, QmWorse: 1, QmOther: 3 })
    Object.assign(job.job.Tasks[0] ?? {}, { Engine: IMAGE })
    locality.note(job.job, 'QmBad', undefined)
    assert.equal(choose(troubleAt('QmBad', 'QmWorse')), 'QmOther')
    assert.equal(choose(troubleAt('QmBad', 'QmWorse', 'QmOther')), 'QmBad')
  })

  test('never is a node that has refused the job', () => {
    const { job, choose } = benchOf({ QmA: 0, QmB: 1 })
    job.refusals.set('QmA', 'no')
    assert.equal(choose(), 'QmB')
    job.refusals.set('QmB', 'no')
    assert.equal(choose(), undefined)
  })

  test('where all are full, of work sent ahead, is the shortest queue', () => {
    const { bench, job, choose } = benchOf({ QmLong: 4, QmShort: 4 })
    for (let run = 0; run < 8; run++) bench.pace.note(job.kin, 1)
    bench.assignments.add(job, someRun({ id: 'e-more', node: 'QmLong' }))
    for (const peer of ['QmLong', 'QmShort']) bench.pools.roomChanged(peer)
    assert.equal(choose(), 'QmShort')
  })
})

describe('of many nodes', () => {
  const names = Array.from({ length: 200 }, (_, index) => `Qm${String(index).padStart(3, '0')}`)

  test('a few at random are compared, so the choice differs, and is good', () => {
    const bench = benchOf(Object.fromEntries(names.map((name, index) => [name, index % 2 === 0 ? 0 : 3])))
    const chosen = Array.from({ length: 50 }, () => bench.choose() ?? '')
    assert.ok(new Set(chosen).size > 20)
    assert.ok(chosen.filter((name) => Number(name.slice(2)) % 2 === 0).length > 45)
  })

  test('the only one that has not refused is found', () => {
    const { job, choose } = benchOf(Object.fromEntries(names.map((name) => [name, 0])))
    for (const name of names) if (name !== 'Qm123') job.refusals.set(name, 'no')
    assert.equal(choose(), 'Qm123')
  })

  test('the holder of the data is found', () => {
    const { job, locality, choose } = benchOf(Object.fromEntries(names.map((name) => [name, 0])))
    Object.assign(job.job.Tasks[0] ?? {}, { Engine: IMAGE })
    locality.note(job.job, 'Qm099', undefined)
    assert.equal(choose(), 'Qm099')
  })

  test('all are looked at once something went wrong, to find one where it did not', () => {
    const { job, choose } = benchOf(Object.fromEntries(names.map((name) => [name, 0])))
    const trouble = troubleAt(...names.filter((name) => name !== 'Qm042'))
    job.troubles.set(0, trouble)
    assert.equal(choose(trouble), 'Qm042')
  })
})
