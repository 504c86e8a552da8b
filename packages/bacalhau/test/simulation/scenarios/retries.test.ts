import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { LIMITS } from '../../../src/runtime/limits.ts'
import { atRest, codeOf, completions, look, running, scenario, stateOf, stateOfRun } from './scene.ts'

describe('a run that fails', () => {
  scenario('of itself fails the job at once, keeps the cause and ends its siblings', async (world) => {
    const script = { Hold: true, Fail: 'WasmTrap' }
    const { node, job } = await running(world, script, { Count: 3 })
    node.runner.release(world.runsOf(job)[1]?.executionId)
    const failed = await world.reaches(job, 'Failed')
    assert.equal(failed.State.Message, 'failed: WasmTrap')
    assert.deepEqual(failed.State.Details, { ErrorCode: 'WasmTrap', IsError: 'true' })
    const states = (await world.orchestrator.executions(job.ID)).map(stateOfRun)
    assert.deepEqual(
      states.toSorted((a, b) => a - b),
      [EXECUTION_STATES.Failed, EXECUTION_STATES.Cancelled, EXECUTION_STATES.Cancelled],
    )
    await atRest(world, node)
    assert.deepEqual((await look(world, job)).State, failed.State)
  })

  scenario(
    'for a reason that may pass is tried three times, with pauses that grow, on another node first',
    async (world) => {
      for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
      const began = world.now
      const job = await world.submit({ Fail: 'InputFailed' })
      const failed = await world.reaches(job, 'Failed')
      assert.equal(codeOf(failed), 'InputFailed')
      assert.equal(failed.State.Message, 'failed: InputFailed (tried 3 times)')
      assert.ok(world.now - began >= 3_000, 'a second, then two')
      const [first, second, third] = world.runsOf(job)
      assert.ok(first !== undefined && second !== undefined && third !== undefined)
      assert.equal(world.runsOf(job).length, 3)
      assert.notEqual(first.node, second.node)
      const executions = await world.orchestrator.executions(job.ID)
      assert.deepEqual(
        new Set(executions.map(({ PreviousExecution }) => PreviousExecution)),
        new Set(['', first.executionId, second.executionId]),
      )
    },
  )

  scenario('at first and then succeeds completes its job, one partition like another', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const script = { Milliseconds: 10, Fail: 'SandboxCrashed', FailTimes: 2 }
    const job = await world.reaches(await world.submit(script, { Count: 4 }), 'Completed')
    assert.equal(world.runsOf(job).length, 12)
    assert.equal(await completions(world, job), 4)
  })

  scenario('is not tried again when its job is stopped in the pause', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Fail: 'InputFailed' })
    await world.begun(node, 1)
    await world.clock.advance(500)
    await world.outcome(world.orchestrator.stopJob(job.ID, ''))
    await world.clock.advance(60_000)
    assert.equal(world.runsOf(job).length, 1)
    assert.equal(stateOf(await look(world, job)), 'Stopped')
  })

  scenario('is tried again after a restart of the orchestrator in the pause', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Fail: 'InputFailed', FailTimes: 1 })
    await world.begun(node, 1)
    await world.clock.advance(500)
    await world.restart()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 2)
  })

  scenario('by its own timeout fails the job', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { task: { Timeouts: { ExecutionTimeout: 5 } } })
    const failed = await world.reaches(job, 'Failed')
    assert.equal(codeOf(failed), 'ExecutionTimeout')
    await atRest(world, node)
  })

  scenario('by its own timeout is given up also where its node does not end it', async (world) => {
    const script = { Hold: true, Dying: 3_600_000 }
    const { node, job } = await running(world, script, { task: { Timeouts: { ExecutionTimeout: 5 } } })
    await world.clock.advance(LIMITS.overdue)
    assert.equal(stateOf(await look(world, job)), 'Running')
    await world.clock.advance(5_000 + LIMITS.watch)
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'ExecutionTimeout')
    assert.equal(node.compute.running(), 1)
  })
})

const TOO_MUCH = { MaxCapacity: { CPU: 1_000, Memory: 1e12, Disk: 0, GPU: 0 } }
const LARGE = { task: { Resources: { CPU: '1', Memory: '1mb' } } }

describe('an offer', () => {
  scenario('that is refused for good goes elsewhere, and is remembered', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const timeouts = { task: { Timeouts: { QueueTimeout: 600 } } }
    const job = await world.submit({ Refuse: 'not here' }, timeouts)
    await world.clock.advance(120_000)
    const queued = await look(world, job)
    assert.equal(queued.State.Message, 'no node can run the job: 2 of 2 refused: not here')
    assert.equal((await world.orchestrator.executions(job.ID)).length, 2)
    assert.ok(
      (await world.orchestrator.executions(job.ID)).every(
        (run) => stateOfRun(run) === EXECUTION_STATES.AskForBidRejected,
      ),
    )
    await world.addNode({ id: 'QmNode3' })
    await world.clock.advance(60_000)
    assert.equal((await world.orchestrator.executions(job.ID)).length, 3)
  })

  scenario('that is refused everywhere fails a job that has no queue timeout, with the reasons', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Refuse: 'not here' }), 'Failed')
    assert.match(job.State.Message ?? '', /1 of 1 refused: not here/)
  })

  scenario('that is refused by one node counts with what keeps the others from it', async (world) => {
    await world.addNode({ id: 'QmNode1', info: { ExecutionEngines: ['script', 'other'] } })
    await world.addNode({ id: 'QmNode2' })
    const job = await world.reaches(await world.submit({}, { task: { Engine: { Type: 'other' } } }), 'Failed')
    assert.match(job.State.Message ?? '', /1 of 2 refused: this node does not support the engine "other", only script/)
    assert.match(job.State.Message ?? '', /1 of 2 does not support the engine "other"/)
    assert.deepEqual(world.runsOf(job), [])
  })

  scenario(
    'that is refused for want of room is repeated, ever more rarely, and others are not held up',
    async (world) => {
      // Others order there too: the node is full of what this orchestrator knows nothing of.
      const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1 }, info: TOO_MUCH })
      const jobs = await Promise.all(
        Array.from({ length: LIMITS.queuedExecutions + 1 }, () => world.submit({ Hold: true }, LARGE)),
      )
      await world.until(() => node.compute.waiting() === LIMITS.queuedExecutions)
      const late = await world.submit({ Milliseconds: 100 }, LARGE)
      await world.clock.advance(300_000)
      const refusals = (await world.history(late)).filter((event) => event.includes('rejected bid'))
      assert.ok(refusals.length >= 6 && refusals.length <= 12, `${refusals.length} refusals`)
      assert.match(refusals[0] ?? '', /lacks 1 cores? of CPU \(0 available\), and has 256 executions waiting/)
      assert.equal(stateOf(await look(world, late)), 'Queued')
      await world.addNode({ id: 'QmNode2' })
      await world.reaches(late, 'Completed')
      assert.equal(world.runsOf(late).length, 1)
      assert.equal(stateOf(await look(world, jobs[0] ?? late)), 'Running')
    },
  )

  scenario('to a node that cannot write is made again later', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    await world.clock.advance(1)
    node.machine.disk.weather.full = true
    const jobs = [await world.submit({ Milliseconds: 100 })]
    await world.clock.advance(5_000)
    jobs.push(await world.submit({ Milliseconds: 100 }))
    await world.clock.advance(300_000)
    node.machine.disk.weather.full = false
    for (const job of jobs) await world.reaches(job, 'Completed')
  })

  scenario('that a node took with it goes elsewhere, with nothing held against anybody', async (world) => {
    const slow = await world.addNode({ id: 'QmNode1' })
    await world.clock.advance(1)
    slow.weather.latency = [10_000, 10_000]
    const job = await world.submit()
    assert.ok((await world.history(job)).includes('Scheduling: Requested execution on QmNode1'))
    slow.crash()
    await world.addNode({ id: 'QmNode2' })
    await world.clock.advance(LIMITS.linkGrace)
    await world.reaches(job, 'Completed')
    assert.deepEqual(
      world.runsOf(job).map(({ node }) => node),
      ['QmNode2'],
    )
  })

  scenario('that a node does not answer goes elsewhere', async (world) => {
    const mute = await world.addNode({ id: 'QmNode1', capacity: { CPU: 8 } })
    await world.addNode({ id: 'QmNode2' })
    await world.clock.advance(1)
    // It is alive, and takes a minute and more for whatever it has to write.
    mute.machine.disk.weather.slowness = [600_000, 600_000]
    const job = await world.submit({ Milliseconds: 10 })
    await world.clock.advance(1_000)
    assert.equal(stateOf(await look(world, job)), 'Pending')
    await world.clock.advance(LIMITS.offerAnswer + LIMITS.watch)
    await world.reaches(job, 'Completed')
    const executions = await world.orchestrator.executions(job.ID)
    const states = Object.fromEntries(executions.map((run) => [run.NodeID, stateOfRun(run)]))
    assert.deepEqual(states, { QmNode1: EXECUTION_STATES.Cancelled, QmNode2: EXECUTION_STATES.Completed })
  })
})
