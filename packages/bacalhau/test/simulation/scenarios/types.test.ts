import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { LIMITS } from '../../../src/runtime/limits.ts'
import { atRest, codeOf, look, scenario, stateOf, stateOfRun } from './scene.ts'

const east = [{ Key: 'zone', Operator: '=', Values: ['east'] }]

describe('a service', () => {
  scenario('runs on and on, in as many runs as it has a Count, and never completes', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.submit({ Hold: true }, { Type: 'service', Count: 2 })
    await world.reaches(job, 'Running')
    await world.clock.advance(1_800_000)
    const { State } = await look(world, job)
    assert.deepEqual([State.StateType, State.Message], ['Running', '2 of 2 placed'])
    assert.equal(world.runsOf(job).length, 2)
    assert.deepEqual([world.ledger.running('QmNode1'), world.ledger.running('QmNode2')], [1, 1])
    await world.outcome(world.orchestrator.stopJob(job.ID, ''))
    for (const node of world.nodes.values()) await atRest(world, node)
  })

  scenario('whose run ends or fails is started again, ever more slowly', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const ending = await world.submit({ Milliseconds: 10 }, { Type: 'service' })
    const failing = await world.submit({ Milliseconds: 10, Fail: 'WasmTrap' }, { Type: 'service' })
    await world.clock.advance(60_000)
    for (const job of [ending, failing]) {
      // After 0, 1, 3, 7, 15 and 31 seconds.
      assert.equal(world.runsOf(job).length, 6)
      assert.equal(stateOf(await look(world, job)), 'Running')
      assert.ok(
        !(await world.orchestrator.executions(job.ID)).some((run) => stateOfRun(run) === EXECUTION_STATES.Completed),
      )
    }
  })

  scenario('that has run well for long is started again soon', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true, Fail: 'WasmTrap', FailTimes: 4 }, { Type: 'service' })
    for (let run = 0; run < 4; run++) {
      await world.begun(node, run + 1)
      await world.clock.advance(700_000)
      node.runner.release(world.runsOf(job)[run]?.executionId)
      const ended = world.now
      await world.begun(node, run + 2)
      assert.ok(world.now - ended < 2_500, `started again after ${world.now - ended} ms`)
    }
  })

  scenario('whose node is lost runs on elsewhere', async (world) => {
    const nodes = [await world.addNode({ id: 'QmNode1' }), await world.addNode({ id: 'QmNode2' })]
    const job = await world.submit({ Hold: true }, { Type: 'service', Count: 2 })
    await world.reaches(job, 'Running')
    nodes[0]?.crash()
    await world.clock.advance(LIMITS.linkGrace + 1_000)
    assert.equal(world.ledger.running('QmNode2'), 2)
    assert.equal(stateOf(await look(world, job)), 'Running')
  })
})

describe('an ops job', () => {
  scenario('runs once on every node that fits', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id, labels: { zone: 'east' } })
    await world.addNode({ id: 'QmNode3', labels: { zone: 'west' } })
    const job = await world.reaches(await world.submit({}, { Type: 'ops', Constraints: east }), 'Completed')
    assert.deepEqual(new Set(world.runsOf(job).map(({ node }) => node)), new Set(['QmNode1', 'QmNode2']))
    assert.equal(world.runsOf(job).length, 2)
  })

  scenario('leaves out a node that comes later', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Milliseconds: 2_000 }, { Type: 'ops' })
    await world.reaches(job, 'Running')
    await world.addNode({ id: 'QmNode2' })
    await world.reaches(job, 'Completed')
    assert.equal(world.runsAt('QmNode2').length, 0)
  })

  scenario('waits for the first node', async (world) => {
    const job = await world.reaches(await world.submit({}, { Type: 'ops' }), 'Queued')
    await world.addNode({ id: 'QmNode1' })
    await world.reaches(job, 'Completed')
  })

  scenario('goes beyond what a node has free, where it waits for its turn', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1 } })
    await world.submit({ Milliseconds: 5_000 }, { task: { Resources: { CPU: '1' } } })
    await world.begun(node, 1)
    await world.reaches(await world.submit({}, { Type: 'ops' }), 'Completed')
    assert.ok(world.now >= 5_000)
  })

  scenario('that failed somewhere fails in the end, with the first cause, and is not tried again', async (world) => {
    const slow = await world.addNode({ id: 'QmNode1' })
    await world.addNode({ id: 'QmNode2' })
    const job = await world.submit({ Milliseconds: 1_000, Fail: 'SandboxCrashed', FailTimes: 1 }, { Type: 'ops' })
    await world.clock.advance(0)
    slow.weather.latency = [50, 50]
    const failed = await world.reaches(job, 'Failed')
    assert.equal(codeOf(failed), 'SandboxCrashed')
    assert.equal(failed.State.Message, 'Job failed because one or more executions failed: failed: SandboxCrashed')
    const states = (await world.orchestrator.executions(job.ID)).map(stateOfRun)
    assert.deepEqual(new Set(states), new Set([EXECUTION_STATES.Completed, EXECUTION_STATES.Failed]))
    assert.equal(world.runsOf(job).length, 2)
  })

  scenario('that every node refuses for good fails with the reasons', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.submit({ Refuse: 'not here' }, { Type: 'ops' })
    const { State } = await world.reaches(job, 'Failed')
    assert.match(State.Message ?? '', /not here/)
    assert.deepEqual(world.runsOf(job), [])
  })

  scenario('whose node is lost fails with that when the others are done', async (world) => {
    const nodes = [await world.addNode({ id: 'QmNode1' }), await world.addNode({ id: 'QmNode2' })]
    const job = await world.submit({ Milliseconds: 10_000 }, { Type: 'ops' })
    await world.reaches(job, 'Running')
    nodes[0]?.crash()
    await world.clock.advance(LIMITS.linkGrace + 1_000)
    assert.equal(stateOf(await look(world, job)), 'Running')
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'NodeLost')
    assert.equal(world.runsOf(job).length, 2)
  })
})

describe('a daemon', () => {
  scenario('runs on every node that fits, also on those that come later', async (world) => {
    await world.addNode({ id: 'QmNode1', labels: { zone: 'east' } })
    const job = await world.submit({ Hold: true }, { Type: 'daemon', Constraints: east })
    await world.reaches(job, 'Running')
    await world.addNode({ id: 'QmNode2', labels: { zone: 'east' } })
    await world.addNode({ id: 'QmNode3', labels: { zone: 'west' } })
    await world.clock.advance(60_000)
    assert.deepEqual(
      world.runsOf(job).map(({ node }) => node),
      ['QmNode1', 'QmNode2'],
    )
    assert.equal(stateOf(await look(world, job)), 'Running')
  })

  scenario('waits where there is no node yet, or none that fits', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Hold: true }, { Type: 'daemon', Constraints: east }), 'Queued')
    await world.addNode({ id: 'QmNode2', labels: { zone: 'east' } })
    await world.reaches(job, 'Running')
    assert.deepEqual(
      world.runsOf(job).map(({ node }) => node),
      ['QmNode2'],
    )
  })

  scenario('runs again on a node that was lost and is back', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true }, { Type: 'daemon' })
    await world.begun(node, 1)
    await world.clock.advance(100)
    node.block({ left: true, right: true })
    await world.clock.advance(30_000)
    node.block({})
    await world.begun(node, 2)
    await world.clock.advance(1_000)
    assert.equal(world.ledger.running(node.id), 1)
    assert.equal(stateOf(await look(world, job)), 'Running')
  })

  scenario('whose run fails at one node is started again there', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.submit({ Hold: true, Fail: 'WasmTrap', FailTimes: 1 }, { Type: 'daemon' })
    await world.until(() => world.runsOf(job).length === 2)
    world.node('QmNode1').runner.release(world.runsAt('QmNode1')[0]?.executionId)
    await world.until(() => world.runsAt('QmNode1').length === 2)
    await world.clock.advance(1_000)
    assert.deepEqual([world.ledger.running('QmNode1'), world.ledger.running('QmNode2')], [1, 1])
  })
})
