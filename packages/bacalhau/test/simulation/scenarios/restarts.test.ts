import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { isBacalhauError } from '../../../src/runtime/error.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'
import { put } from '../../../src/store/store.ts'
import { ORCHESTRATOR } from '../world/world.ts'
import {
  atRest,
  codeOf,
  completions,
  look,
  occurrences,
  running,
  scenario,
  SMALL,
  stateOf,
  stopWatching,
} from './scene.ts'

const isCode = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

describe('an orchestrator that crashes', () => {
  scenario('finds its running jobs again, and each ends once', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const jobs = await Promise.all(Array.from({ length: 4 }, () => world.submit({ Hold: true })))
    await world.begun(node, 4)
    await world.clock.advance(100)
    await world.restart()
    await world.clock.advance(60_000)
    for (const job of jobs) assert.equal(stateOf(await look(world, job)), 'Running')
    assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 4)
    node.runner.release()
    for (const job of jobs) {
      await world.reaches(job, 'Completed')
      assert.equal(occurrences(await world.history(job), 'Execution: Completed successfully'), 1)
      assert.equal(world.runsOf(job).length, 1)
    }
    await atRest(world, node)
  })

  scenario('hears of what ended while it was down', async (world) => {
    const { node, job } = await running(world)
    world.crash()
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    await world.clock.advance(120_000)
    await world.restart()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('together with all nodes finds everything again', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { Count: 3 })
    world.crash()
    node.crash()
    await world.clock.advance(10_000)
    await world.restart()
    await world.outcome(node.boot())
    await world.begun(node, 6)
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal((await world.orchestrator.executions(job.ID)).length, 3)
    await atRest(world, node)
  })

  scenario('gives up nothing before the nodes had the time to come back', async (world) => {
    const { node, job } = await running(world)
    await world.addNode({ id: 'QmNode2' })
    const impossible = { task: { Resources: { CPU: '64' } } }
    node.weather.unreachable = true
    await world.restart()
    const late = await world.submit({}, impossible)
    await world.clock.advance(LIMITS.restartGrace - 1_000)
    assert.equal(world.runsOf(job).length, 1)
    assert.equal(stateOf(await look(world, late)), 'Queued')
    await world.clock.advance(1_100)
    assert.equal(world.runsOf(job).length, 2)
    assert.equal(stateOf(await look(world, late)), 'Queued')
    assert.equal(codeOf(await world.reaches(await world.submit({}, impossible), 'Failed')), 'NotEnoughResources')
  })

  scenario('keeps the order of those that wait', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true }, { Name: 'first' })
    await world.begun(node, 1)
    const priorities = { second: 0, third: 0, urgent: 5 }
    for (const [Name, Priority] of Object.entries(priorities))
      await world.submit({ Milliseconds: 1_000 }, { Name, Priority })
    await world.restart()
    node.runner.release()
    for (const name of Object.keys(priorities)) await world.reaches(await world.orchestrator.getJob(name), 'Completed')
    const names = world.ledger.begun.map(async ({ jobId }) => (await world.orchestrator.getJob(jobId)).Name)
    assert.deepEqual(await Promise.all(names), ['first', 'urgent', 'second', 'third'])
  })

  scenario('takes up timeouts where they were', async (world) => {
    const { job } = await running(world, { Hold: true }, { task: { Timeouts: { TotalTimeout: 60 } } })
    const waiting = await world.submit({}, { task: { Resources: { CPU: '64' }, Timeouts: { QueueTimeout: 60 } } })
    await world.clock.advance(50_000)
    await world.restart()
    await world.clock.advance(5_000)
    assert.deepEqual([stateOf(await look(world, job)), stateOf(await look(world, waiting))], ['Running', 'Queued'])
    await world.clock.advance(5_000)
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'ExecutionTimeout')
    assert.equal(codeOf(await world.reaches(waiting, 'Failed')), 'TimeOut')
  })

  for (let crashAfter = 0; crashAfter < 16; crashAfter++) {
    scenario(
      `after ${crashAfter} ms: loses no acknowledged job and completes none twice`,
      async (world) => {
        const node = await world.addNode({ id: 'QmNode1' })
        node.weather.latency = [1, 1]
        for (const { disk } of [world.host.machine, node.machine]) disk.weather.slowness = [1, 1]
        const jobs = await Promise.all(Array.from({ length: 3 }, () => world.submit({}, { Count: 2 })))
        await world.clock.advance(crashAfter)
        await world.restart()
        for (const job of jobs) {
          await world.reaches(job, 'Completed')
          const history = await world.history(job)
          assert.equal(occurrences(history, 'Execution: Completed successfully'), 2, history.join('\n'))
          assert.equal(occurrences(history, 'Submission: Job submitted'), 1)
          assert.equal(occurrences(history, 'State Update: Completed'), 1)
          const numbers = (await world.orchestrator.history(job.ID, 0, 100)).map(({ SeqNum }) => SeqNum)
          assert.deepEqual(
            numbers,
            [...numbers.keys()].map((index) => index + 1),
          )
        }
        await atRest(world, node)
        assert.equal((await world.host.machine.disk.rows('job-open')).length, 0)
        assert.deepEqual(node.compute.free(), node.compute.capacity)
      },
      { seed: crashAfter },
    )
  }

  scenario('before a job is on disk has never acknowledged it', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const acknowledged = await world.submit()
    world.host.machine.disk.weather.slowness = [50, 50]
    let answered = false
    void world.submit().then(
      () => (answered = true),
      () => undefined,
    )
    world.host.machine.setTrap('commit', 0)
    await world.clock.advance(25)
    assert.equal(world.host.running, undefined)
    world.host.machine.disk.weather.slowness = [0, 0]
    await world.restart()
    await world.reaches(acknowledged, 'Completed')
    assert.equal(answered, false)
    assert.equal((await world.orchestrator.listJobs({})).Items.length, 1)
  })

  scenario('leaves a damaged job alone and goes on with the others', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const [damaged, whole] = [await world.submit({ Hold: true }), await world.submit({ Hold: true })]
    await world.begun(node, 2)
    world.faultsExpected = true
    await world.host.machine.disk.tamper(put('job', damaged.ID, { nonsense: true }))
    await world.restart()
    node.runner.release()
    await world.reaches(whole, 'Completed')
    await assert.rejects(world.orchestrator.getJob(damaged.ID), isCode('StoreCorrupt'))
  })

  scenario('with an older state of its store: what was acknowledged before is there, and goes on', async (world) => {
    const { node, job } = await running(world)
    const backup = await world.host.machine.disk.snapshot()
    const later = await world.submit({ Hold: true })
    await world.begun(node, 2)
    world.crash()
    stopWatching(world)
    await world.host.machine.disk.restore(backup)
    await world.restart()
    await world.until(() => node.compute.running() === 1)
    await assert.rejects(world.orchestrator.getJob(later.ID), isCode('NotFound'))
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(await completions(world, job), 1)
    await atRest(world, node)
  })

  scenario('without its store: nodes are told to end what it does not know', async (world) => {
    const { node, job } = await running(world)
    world.crash()
    stopWatching(world)
    world.host.machine.disk.wipe()
    await world.restart()
    await atRest(world, node)
    assert.equal(world.ledger.running(node.id), 0)
    await assert.rejects(world.orchestrator.getJob(job.ID), isCode('NotFound'))
    await world.reaches(await world.submit(), 'Completed')
  })
})

describe('an orchestrator that is stopped', () => {
  scenario('writes what it has decided, ends its links, and takes the jobs up again', async (world) => {
    const { node, job } = await running(world)
    await world.outcome(world.host.stop())
    await world.clock.advance(60_000)
    assert.equal(node.compute.running(), 1)
    await world.restart()
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('together with its nodes fails nothing', async (world) => {
    const { node, job } = await running(world)
    await world.outcome(Promise.all([world.host.stop(), node.stop()]))
    await world.clock.advance(120_000)
    await world.restart()
    await world.outcome(node.boot())
    await world.begun(node, 2)
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal((await world.orchestrator.executions(job.ID)).length, 1)
  })

  scenario('takes no link any more', async (world) => {
    await world.outcome(world.host.stop())
    const node = await world.addNode({ id: 'QmNode1' })
    await world.clock.advance(5_000)
    assert.deepEqual(node.memberships, [])
  })
})

describe('a disk that is full', () => {
  scenario('at the orchestrator: a new job is refused and forgotten, and reading goes on', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const before = await world.reaches(await world.submit(), 'Completed')
    const { disk } = world.host.machine
    disk.weather.full = true
    await assert.rejects(world.submit({}, { Name: 'refused' }), isCode('DiskFull'))
    assert.equal(stateOf(await look(world, before)), 'Completed')
    assert.ok((await world.history(before)).length > 0)
    assert.equal(world.orchestrator.nodes().length, 1)
    disk.weather.full = false
    await world.reaches(await world.submit({}, { Name: 'refused' }), 'Completed')
    assert.equal((await world.orchestrator.listJobs({})).Items.length, 2)
  })

  scenario('at the orchestrator: an update and a stop are refused or held up, and nothing half', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { Name: 'report' })
    const { disk } = world.host.machine
    disk.weather.full = true
    await assert.rejects(world.submit({ Hold: true, Say: 'x' }, { Name: 'report' }), isCode('DiskFull'))
    await assert.rejects(world.outcome(world.orchestrator.stopJob(job.ID, '')), isCode('DiskFull'))
    // What is not written is not told: the first run goes on.
    assert.deepEqual([node.compute.running(), world.runsOf(job).length], [1, 1])
    disk.weather.full = false
    await world.reaches(job, 'Stopped')
    await atRest(world, node)
  })

  scenario(
    'at the orchestrator: what was decided is held up until there is room, and nothing gets out before',
    async (world) => {
      const { node, job } = await running(world)
      const { disk } = world.host.machine
      disk.weather.full = true
      node.runner.release()
      await world.until(() => node.compute.running() === 0)
      await world.clock.advance(10_000)
      assert.equal((await disk.rows('job-open')).length, 1)
      assert.ok((await node.machine.disk.rows('link-out')).length > 0, 'the node keeps its report')
      disk.weather.full = false
      await world.reaches(job, 'Completed')
      await atRest(world, node)
      assert.equal(await completions(world, job), 1)
    },
  )

  scenario('at the orchestrator: does not hold up its end', async (world) => {
    const { node, job } = await running(world)
    world.host.machine.disk.weather.full = true
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    await world.outcome(world.host.stop())
    world.host.machine.disk.weather.full = false
    await world.restart()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('at a node: what it ran is reported when there is room, new work goes elsewhere', async (world) => {
    const { node, job } = await running(world)
    node.machine.disk.weather.full = true
    node.runner.release()
    await world.clock.advance(10_000)
    assert.equal(stateOf(await look(world, job)), 'Running')
    const other = await world.addNode({ id: 'QmNode2' })
    const next = await world.submit({}, { Count: 4 })
    await world.reaches(next, 'Completed')
    const done = (await world.orchestrator.executions(next.ID)).filter(({ RunOutput }) => RunOutput !== null)
    assert.deepEqual(new Set(done.map(({ NodeID }) => NodeID)), new Set([other.id]))
    node.machine.disk.weather.full = false
    await world.reaches(job, 'Completed')
    await atRest(world, node)
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('at both sides, one after the other: every job ends once', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const jobs = await Promise.all(Array.from({ length: 5 }, () => world.submit({ Milliseconds: 500 }, { Count: 2 })))
    for (const { disk } of [node.machine, world.host.machine, node.machine]) {
      await world.clock.advance(400)
      disk.weather.full = true
      await world.clock.advance(3_000)
      disk.weather.full = false
    }
    for (const job of jobs) {
      await world.reaches(job, 'Completed')
      assert.equal(await completions(world, job), 2)
    }
    await atRest(world, node)
  })
})

describe('a wall clock that jumps', () => {
  for (const milliseconds of [3_600_000, -3_600_000]) {
    scenario(`by ${milliseconds / 60_000} minutes changes no timeout and loses no node`, async (world) => {
      const { node, job } = await running(world, { Hold: true }, { task: { Timeouts: { TotalTimeout: 60 } } })
      const other = await world.submit({ Hold: true }, { Name: 'other' })
      const waiting = await world.submit({}, { task: { Resources: { CPU: '4' }, Timeouts: { QueueTimeout: 120 } } })
      world.host.machine.jump(milliseconds)
      node.machine.jump(-milliseconds)
      await world.clock.advance(55_000)
      assert.equal(stateOf(await look(world, job)), 'Running')
      assert.equal(world.orchestrator.node('QmNode1').Connection, 'CONNECTED')
      await world.clock.advance(5_000)
      assert.equal(codeOf(await world.reaches(job, 'Failed')), 'ExecutionTimeout')
      assert.equal(stateOf(await look(world, waiting)), 'Queued')
      node.runner.release()
      await world.reaches(other, 'Completed')
      await world.reaches(waiting, 'Completed')
      await world.reaches(await world.submit(), 'Completed')
      assert.equal(world.runsOf(other).length, 1)
      assert.deepEqual(node.compute.held(ORCHESTRATOR), [])
    })
  }
})
