import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../runtime/limits.ts'
import { openJob, START } from './fixtures/jobs.ts'
import { connect, finish, placingBench, type PlacingBench, wait } from './fixtures/placing.ts'

/** Asks for a pass and lets it happen. */
async function pass(bench: PlacingBench, options: { everywhere?: boolean } = {}): Promise<string[]> {
  const before = bench.placed.length
  bench.scheduler.wake(options)
  await bench.clock.advance(0)
  return bench.placed.slice(before)
}

describe('a pass', () => {
  test('serves by priority, then by age, however the jobs were submitted', async () => {
    const bench = placingBench()
    wait(bench, 'young', { since: START + 2 })
    wait(bench, 'old', { since: START + 1 })
    wait(bench, 'urgent', { since: START + 3, priority: 5 })
    connect(bench, 'QmA', 2)
    assert.deepEqual(await pass(bench), ['urgent 0 QmA', 'old 0 QmA'])
    assert.deepEqual([bench.lines.size, bench.passes.count], [1, 1])
  })

  test('places as many partitions as there is room for, and the rest when there is more', async () => {
    const bench = placingBench()
    const job = wait(bench, 'array', { count: 5 })
    connect(bench, 'QmA', 3)
    assert.deepEqual(await pass(bench), ['array 0 QmA', 'array 1 QmA', 'array 2 QmA'])
    assert.deepEqual(await pass(bench), [])
    connect(bench, 'QmB', 9)
    assert.deepEqual(await pass(bench), ['array 3 QmB', 'array 4 QmB'])
    assert.deepEqual([job.waits, bench.lines.size], [false, 0])
  })

  test('goes on behind a job that finds no room', async () => {
    const bench = placingBench()
    for (const [name, cpu] of [
      ['large', 3],
      ['small', 1],
      ['huge', 9],
      ['tiny', 1],
    ] as const)
      wait(bench, name, { cpu })
    connect(bench, 'QmA', 2)
    assert.deepEqual(await pass(bench), ['small 0 QmA', 'tiny 0 QmA'])
  })

  test('goes on behind a job that all have refused, within its line', async () => {
    const bench = placingBench()
    const first = wait(bench, 'refused')
    first.refusals.set('QmA', 'no')
    wait(bench, 'second')
    wait(bench, 'third')
    wait(bench, 'other shape', { cpu: 0.5 })
    connect(bench, 'QmA', 9)
    assert.deepEqual((await pass(bench)).toSorted(), ['other shape 0 QmA', 'second 0 QmA', 'third 0 QmA'])
    assert.deepEqual([first.waits, bench.lines.size], [true, 1])
  })

  test('that is asked for many times at once is one', async () => {
    const bench = placingBench()
    for (let count = 0; count < 9; count++) bench.scheduler.wake()
    await bench.clock.advance(0)
    assert.equal(bench.passes.count, 1)
  })

  test('never places more than there is, and leaves no room that the first of a line wants', async () => {
    const cpus = fc.constantFrom(0.5, 1, 2, 3)
    const jobs = fc.array(
      fc.record({ cpu: cpus, count: fc.integer({ min: 1, max: 4 }), priority: fc.nat({ max: 2 }) }),
      { maxLength: 8 },
    )
    const nodes = fc.array(fc.constantFrom(1, 2, 4), { maxLength: 4 })
    const property = fc.asyncProperty(jobs, nodes, async (wanted, cores) => {
      const bench = placingBench()
      const waiting = wanted.map((fields, index) => wait(bench, `job-${index}`, fields))
      for (const [index, cpu] of cores.entries()) connect(bench, `Qm${index}`, cpu)
      const placed = await pass(bench)
      assert.equal(new Set(placed.map((line) => line.replace(/ Qm\d+$/, ''))).size, placed.length)
      for (const [index, cpu] of cores.entries()) assert.ok(bench.assignments.load(`Qm${index}`).used.CPU <= cpu)
      for (const job of waiting) {
        assert.equal(job.waits, bench.lines.size > 0 && job.line !== undefined)
        for (const member of bench.cluster.candidates()) {
          assert.ok(!job.waits || bench.cluster.free(member).CPU < job.resources.CPU)
        }
      }
    })
    await fc.assert(property, { numRuns: 60 })
  })
})

describe('who has waited for very long', () => {
  /** One core; an old job of low priority, and urgent ones that never end to come. */
  async function turns(bench: PlacingBench, age: number): Promise<number> {
    connect(bench, 'QmA', 1)
    await bench.clock.advance(age)
    wait(bench, 'patient', { since: START })
    for (let turn = 0; turn < 3 * LIMITS.fairTurn; turn++) {
      const urgent = wait(bench, 'urgent', { priority: 9, since: START + age })
      const [placed] = await pass(bench)
      if (placed?.startsWith('patient') === true) return turn
      finish(bench, urgent)
    }
    return Infinity
  }

  test('has one in so many placements, whatever its priority', async () => {
    assert.equal(await turns(placingBench(), LIMITS.unfairWait + 1), LIMITS.fairTurn - 1)
  })

  test('has none before that', async () => {
    assert.equal(await turns(placingBench(), LIMITS.unfairWait - 1), Infinity)
  })
})

describe('a node is kept free', () => {
  /** A large job that finds no room on a node of two cores, one of which is in use. */
  async function crowded(age: number) {
    const bench = placingBench()
    connect(bench, 'QmA', 2)
    const running = wait(bench, 'running')
    await pass(bench)
    const large = wait(bench, 'large', { cpu: 2, priority: 1, since: START })
    await bench.clock.advance(age)
    await pass(bench)
    wait(bench, 'small', { since: START + age })
    return { bench, running, large }
  }

  test('for the job that is next and has waited for long, until it is placed', async () => {
    const { bench, running, large } = await crowded(LIMITS.keepNodeAfter)
    assert.equal(bench.scheduler.keptFor('QmA'), large)
    assert.deepEqual(await pass(bench), [])
    finish(bench, running)
    assert.deepEqual(await pass(bench), ['large 0 QmA'])
    assert.equal((await pass(bench), bench.scheduler.keptFor('QmA')), undefined)
    finish(bench, large)
    assert.deepEqual(await pass(bench), ['small 0 QmA'])
  })

  test('not before that', async () => {
    const { bench } = await crowded(LIMITS.keepNodeAfter - 1)
    assert.equal(bench.scheduler.keptFor('QmA'), undefined)
    assert.deepEqual(await pass(bench), ['small 0 QmA'])
  })

  test('no more when the job that it was kept for has ended', async () => {
    const { bench, large } = await crowded(LIMITS.keepNodeAfter)
    large.ledger.setJobState('Stopped', '')
    bench.lines.update(large)
    assert.deepEqual(await pass(bench), ['small 0 QmA'])
    assert.equal(bench.scheduler.keptFor('QmA'), undefined)
  })

  test('that has most room among the suitable ones', async () => {
    const bench = placingBench()
    connect(bench, 'QmTooSmall', 1)
    for (const [peer, cpu] of [
      ['QmA', 4],
      ['QmB', 4],
    ] as const)
      connect(bench, peer, cpu)
    wait(bench, 'a', { cpu: 3 })
    wait(bench, 'b', { cpu: 2 })
    await pass(bench)
    const roomier = bench.placed.find((line) => line.startsWith('b'))?.slice(4) ?? ''
    const large = wait(bench, 'large', { cpu: 4, since: START })
    await bench.clock.advance(LIMITS.keepNodeAfter)
    await pass(bench)
    assert.equal(bench.scheduler.keptFor(roomier), large)
  })
})

describe('a job that runs everywhere', () => {
  const everywhereJob = (bench: PlacingBench, Type: 'ops' | 'daemon') => {
    const job = openJob({ task: { Resources: { CPU: '1', Memory: '1' } }, job: { Type, Name: Type } })
    bench.everywhere.add(job)
    return job
  }

  test('is placed once at every suitable node that is connected', async () => {
    const bench = placingBench()
    const job = everywhereJob(bench, 'ops')
    for (const peer of ['QmA', 'QmB', 'QmAway', 'QmRefused']) connect(bench, peer)
    connect(bench, 'QmOther', 4, { ExecutionEngines: ['other'] })
    bench.cluster.disconnect('QmAway', 'cut')
    job.refusals.set('QmRefused', 'no')
    assert.deepEqual(await pass(bench), [])
    assert.deepEqual(await pass(bench, { everywhere: true }), ['ops 0 QmA', 'ops 0 QmB'])
    connect(bench, 'QmLate')
    assert.deepEqual(await pass(bench, { everywhere: true }), [])
  })

  test('comes to new nodes too when it is a daemon', async () => {
    const bench = placingBench()
    const job = everywhereJob(bench, 'daemon')
    assert.deepEqual(await pass(bench, { everywhere: true }), [])
    assert.equal(job.agenda.kind === 'targets' && job.agenda.begun, false)
    connect(bench, 'QmA')
    assert.deepEqual(await pass(bench, { everywhere: true }), ['daemon 0 QmA'])
    connect(bench, 'QmLate')
    assert.deepEqual(await pass(bench, { everywhere: true }), ['daemon 0 QmLate'])
  })

  test('is not placed when it has ended', async () => {
    const bench = placingBench()
    everywhereJob(bench, 'daemon').ledger.setJobState('Stopped', '')
    connect(bench, 'QmA')
    assert.deepEqual(await pass(bench, { everywhere: true }), [])
  })
})
