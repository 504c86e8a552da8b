import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import { isBacalhauError } from '../../src/runtime/error.ts'
import { LIMITS } from '../../src/runtime/limits.ts'
import { settle } from '../../src/runtime/virtual-clock.ts'
import { ORCHESTRATOR, World } from './world.ts'

const SMALL = { CPU: 0.5, Memory: 512_000_000 }
const stateOf = ({ State }: Job) => State.StateType
const count = (events: readonly string[], event: string) => events.filter((each) => each === event).length

describe('an orchestrator that crashes', () => {
  test('finds its running jobs again, and each ends once', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const jobs = await Promise.all(Array.from({ length: 4 }, () => world.submit({ Hold: true })))
    await world.begun(node, 4)
    await world.clock.advance(100)
    await world.restart()
    await world.clock.advance(60_000)
    for (const { ID } of jobs) assert.equal(stateOf(await world.orchestrator.getJob(ID)), 'Running')
    assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 4)
    node.executor.release()
    for (const job of jobs) {
      await world.reaches(job, 'Completed')
      assert.equal(count(await world.history(job), 'Execution: Completed successfully'), 1)
    }
    assert.equal(node.executor.runs.length, 4)
    await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
  })

  test('hears of what ended while it was down', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    world.crash()
    node.executor.release()
    await world.until(() => node.compute.running() === 0)
    await world.restart()
    await world.reaches(job, 'Completed')
    assert.equal(node.executor.runs.length, 1)
  })

  test('does not give up what waits before the nodes had the time to come back', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    await world.restart({ reconnect: false })
    const late = await world.submit()
    await world.clock.advance(LIMITS.restartGrace - 1_000)
    assert.equal(stateOf(await world.orchestrator.getJob(waiting.ID)), 'Queued')
    node.connect()
    node.executor.release()
    await world.reaches(waiting, 'Completed')
    await world.reaches(late, 'Completed')
  })

  test('gives up what ran on a node that does not come back, and what waits for nobody', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    const running = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    await world.restart({ reconnect: false })
    await world.clock.advance(LIMITS.restartGrace)
    const lost = await world.reaches(running, 'Failed')
    assert.equal(lost.State.Details?.['ErrorCode'], 'NodeLost')
    assert.equal((await world.reaches(waiting, 'Failed')).State.Details?.['ErrorCode'], 'NoNodes')
  })

  test('takes up timeouts where they were', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true }, { task: { Timeouts: { TotalTimeout: 60 } } })
    await world.begun(node, 1)
    await world.clock.advance(50_000)
    await world.restart()
    await world.clock.advance(10_000)
    assert.equal((await world.reaches(job, 'Failed')).State.Details?.['ErrorCode'], 'ExecutionTimeout')
  })

  test('at any moment loses no acknowledged job and runs none twice', async (t) => {
    for (let crashAfter = 0; crashAfter < 16; crashAfter++) {
      const world = await World.create(t, { seed: crashAfter })
      const node = await world.addNode({ id: 'QmNode1' })
      const jobs = await Promise.all(Array.from({ length: 3 }, () => world.submit({}, { Count: 2 })))
      await settle(crashAfter)
      await world.restart()
      for (const job of jobs) {
        await world.reaches(job, 'Completed')
        const history = await world.history(job)
        assert.equal(
          count(history, 'Execution: Completed successfully'),
          2,
          `crash after ${crashAfter}: ${history.join('\n')}`,
        )
        assert.equal(count(history, 'Submission: Job submitted'), 1)
        assert.equal(count(history, 'State Update: Completed'), 1)
      }
      await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
      assert.equal((await world.disk.range('job-open', { limit: 9 })).length, 0)
      assert.deepEqual(node.compute.free(), node.compute.capacity)
      assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 0)
    }
  })

  test('before a job is on disk has never acknowledged it', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const acknowledged = await world.submit()
    let answered = false
    void world.submit().then(() => (answered = true))
    await world.restart()
    await world.reaches(acknowledged, 'Completed')
    await settle()
    assert.equal(answered, false)
    assert.equal((await world.orchestrator.listJobs({})).Items.length, 1)
  })

  test('numbers the events of a job on, without a gap', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    await world.restart()
    node.executor.release()
    await world.reaches(job, 'Completed')
    const numbers = (await world.orchestrator.history(job.ID, 0, 100)).map(({ SeqNum }) => SeqNum)
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    )
  })

  test('leaves a damaged job alone and goes on with the others', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const [damaged, whole] = [await world.submit({ Hold: true }), await world.submit({ Hold: true })]
    await world.begun(node, 2)
    await world.disk.commit([{ op: 'put', table: 'job', key: damaged.ID, value: { nonsense: true } }])
    await world.restart()
    node.executor.release()
    await world.reaches(whole, 'Completed')
    await assert.rejects(
      world.orchestrator.getJob(damaged.ID),
      (error) => isBacalhauError(error) && error.code === 'StoreCorrupt',
    )
  })
})

describe('an orchestrator that is stopped', () => {
  test('writes what it has decided, ends its links, and takes the jobs up again', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await settle()
    await world.orchestrator.stop()
    await settle()
    // The progress that had been reported is on disk, although its delay was not over.
    const [event] = (await world.disk.range('history', { prefix: job.ID, reverse: true, limit: 1 })).map(
      ({ value }) => value,
    )
    assert.match(JSON.stringify(event), /Running Execution/)
    await world.clock.advance(60_000)
    await world.restart()
    node.executor.release()
    await world.reaches(job, 'Completed')
    assert.equal(node.executor.runs.length, 1)
  })

  test('takes no link any more', async (t) => {
    const world = await World.create(t)
    await world.orchestrator.stop()
    const node = await world.addNode({ id: 'QmNode1' })
    await settle()
    assert.deepEqual(node.memberships, [])
  })
})

describe('a disk that is full', () => {
  test('refuses a new job and forgets it', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    world.machine.full = true
    await assert.rejects(world.submit(), (error) => isBacalhauError(error) && error.code === 'DiskFull')
    world.machine.full = false
    await world.reaches(await world.submit(), 'Completed')
    assert.equal((await world.orchestrator.listJobs({})).Items.length, 1)
  })

  test('holds up what has been decided until there is room, and lets nothing out before', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    world.machine.full = true
    node.executor.release()
    await world.until(() => node.compute.running() === 0)
    await world.clock.advance(10_000)
    // Not written, so not settled: the node still holds its report.
    assert.equal(stateOf(await world.orchestrator.getJob(job.ID)), 'Running')
    assert.equal(node.compute.held(ORCHESTRATOR).length, 1)
    world.machine.full = false
    await world.clock.advance(1_000)
    await world.reaches(job, 'Completed')
    await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
  })

  test('holds up a stop that somebody waits for', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    world.machine.full = true
    let stopped = false
    const stopping = world.orchestrator.stopJob(job.ID, '').then(() => (stopped = true))
    await world.clock.advance(5_000)
    assert.deepEqual([stopped, node.executor.running], [false, 1])
    world.machine.full = false
    await world.clock.advance(1_000)
    await stopping
    await world.until(() => node.executor.running === 0)
  })

  test('does not hold up the end of the orchestrator', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    world.machine.full = true
    const stopping = world.orchestrator.stopJob(job.ID, '')
    await settle()
    const ended = assert.rejects(stopping, /is being stopped/)
    await world.orchestrator.stop()
    await ended
  })
})

describe('what a user may write', () => {
  test('can be stored and read again, up to its bounds', async (t) => {
    const world = await World.create(t)
    const Meta = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key ${index}`, 'x']))
    const job = await world.submit({}, { Meta, Labels: Meta })
    assert.equal(Object.keys((await world.orchestrator.getJob(job.ID)).Meta).length, 1_001)
  })
})
