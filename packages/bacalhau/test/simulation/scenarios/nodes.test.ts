import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { LIMITS } from '../../../src/runtime/limits.ts'
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
  stateOfRun,
} from './scene.ts'

const BOTH = { left: true, right: true }

describe('a node that goes while it runs a job', () => {
  scenario('by a broken link for a moment: the job goes on, and ends once', async (world) => {
    const { node, job } = await running(world)
    node.cut()
    await world.clock.advance(0)
    assert.equal(world.orchestrator.node('QmNode1').Connection, 'DISCONNECTED')
    await world.clock.advance(60_000)
    assert.equal(stateOf(await look(world, job)), 'Running')
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
    await atRest(world, node)
  })

  scenario('again and again, each time within the grace', async (world) => {
    const { node, job } = await running(world)
    for (let round = 0; round < 5; round++) {
      node.weather.unreachable = true
      node.cut()
      await world.clock.advance(LIMITS.linkGrace - 1_000)
      node.weather.unreachable = false
      await world.clock.advance(1_000)
    }
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario(
    'for longer than the grace: the job is run again elsewhere, and what it still ran is ended',
    async (world) => {
      const { node, job } = await running(world)
      const other = await world.addNode({ id: 'QmNode2' })
      node.weather.unreachable = true
      node.cut()
      await world.clock.advance(LIMITS.linkGrace - 100)
      assert.equal(world.runsOf(job).length, 1)
      await world.clock.advance(200)
      assert.deepEqual(
        world.runsOf(job).map(({ node }) => node),
        ['QmNode1', 'QmNode2'],
      )
      assert.equal(node.compute.running(), 1)
      assert.equal(stateOf(await look(world, job)), 'Running')
      node.weather.unreachable = false
      await atRest(world, node)
      other.runner.release()
      await world.reaches(job, 'Completed')
      const executions = await world.orchestrator.executions(job.ID)
      const lost = executions.find(({ NodeID }) => NodeID === 'QmNode1')
      assert.ok(lost !== undefined)
      assert.equal(stateOfRun(lost), EXECUTION_STATES.Failed)
      assert.equal(lost.ComputeState.Details?.['ErrorCode'], 'NodeLost')
      assert.equal(await completions(world, job), 1)
    },
  )

  scenario('for longer than its job says: each job has a grace of its own', async (world) => {
    const { node, job: usual } = await running(world)
    const patient = await world.submit({ Hold: true }, { task: { Timeouts: { DisconnectGrace: 60 } } })
    const hasty = await world.submit({ Hold: true }, { task: { Timeouts: { DisconnectGrace: 0 } } })
    await world.begun(node, 3)
    await world.clock.advance(100)
    await world.addNode({ id: 'QmNode2' })
    node.weather.unreachable = true
    node.cut()
    const runs = () => [hasty, usual, patient].map((job) => world.runsOf(job).length)
    await world.clock.advance(100)
    assert.deepEqual(runs(), [2, 1, 1])
    await world.clock.advance(LIMITS.linkGrace)
    assert.deepEqual(runs(), [2, 2, 1])
    await world.clock.advance(56_000)
    assert.deepEqual(runs(), [2, 2, 1])
    await world.clock.advance(1_000)
    assert.deepEqual(runs(), [2, 2, 2])
  })

  scenario('for our words only: however often it presents itself, what it ran is run elsewhere', async (world) => {
    const { node, job } = await running(world)
    const other = await world.addNode({ id: 'QmNode2' })
    node.block({ right: true })
    await world.clock.advance(4 * LIMITS.linkSilence)
    assert.deepEqual(
      world.runsOf(job).map(({ node }) => node),
      ['QmNode1', 'QmNode2'],
    )
    other.runner.release()
    await world.reaches(job, 'Completed')
    node.block({})
    await atRest(world, node)
    assert.equal(await completions(world, job), 1)
  })

  scenario('and is back by a slow way: it is waited for until it has answered', async (world) => {
    const { node, job } = await running(world)
    await world.addNode({ id: 'QmNode2' })
    node.leave()
    await world.clock.advance(LIMITS.linkGrace - 500)
    node.weather.latency = [400, 400]
    node.comeBack()
    await world.clock.advance(10_000)
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('by silence: it is noticed in time, on both sides', async (world) => {
    const { node, job } = await running(world)
    await world.addNode({ id: 'QmNode2' })
    node.block(BOTH)
    await world.clock.advance(LIMITS.linkSilence - LIMITS.linkHeartbeat)
    assert.equal(world.orchestrator.node('QmNode1').Connection, 'CONNECTED')
    await world.clock.advance(LIMITS.linkHeartbeat + 100)
    const { Connection, ConnectionState } = world.orchestrator.node('QmNode1')
    assert.deepEqual([Connection, ConnectionState.LastError], ['DISCONNECTED', 'the node has fallen silent'])
    await world.clock.advance(LIMITS.linkGrace)
    assert.equal(world.runsOf(job).length, 2)
    node.block({})
    await atRest(world, node)
  })

  for (const direction of ['left', 'right'] as const) {
    scenario(`because it is only heard, or only hears (${direction}): the link is opened anew`, async (world) => {
      const { node, job } = await running(world)
      node.block({ [direction]: true })
      await world.clock.advance(LIMITS.linkSilence + 2_000)
      const shown = world.orchestrator.node('QmNode1').ConnectionState
      assert.ok(Date.parse(shown.DisconnectedSince) > 0, 'the first link has ended')
      node.block({})
      node.runner.release()
      await world.reaches(job, 'Completed')
      assert.equal(world.runsOf(job).length, 1)
    })
  }

  scenario('and whose job ends meanwhile: the report follows, and counts once', async (world) => {
    const { node, job } = await running(world)
    node.weather.unreachable = true
    node.cut()
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    assert.equal(stateOf(await look(world, job)), 'Running')
    node.weather.unreachable = false
    await world.reaches(job, 'Completed')
    assert.equal(occurrences(await world.history(job), 'Execution: Completed successfully'), 1)
    assert.equal(world.runsOf(job).length, 1)
  })

  scenario('and ends its job after the grace: one of the two results counts', async (world) => {
    const { node, job } = await running(world)
    const other = await world.addNode({ id: 'QmNode2' })
    node.weather.unreachable = true
    node.cut()
    await world.begun(other, 1)
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    node.weather.unreachable = false
    await atRest(world, node)
    assert.equal(stateOf(await look(world, job)), 'Running')
    other.runner.release()
    await world.reaches(job, 'Completed')
    const done = (await world.orchestrator.executions(job.ID)).filter(
      (run) => stateOfRun(run) === EXECUTION_STATES.Completed,
    )
    assert.deepEqual(
      done.map(({ NodeID }) => NodeID),
      ['QmNode2'],
    )
  })

  scenario('and whose job is stopped meanwhile: it is ended there when the node is back', async (world) => {
    const { node, job } = await running(world)
    node.weather.unreachable = true
    node.cut()
    await world.outcome(world.orchestrator.stopJob(job.ID, 'enough'))
    assert.equal(node.compute.running(), 1)
    node.weather.unreachable = false
    await atRest(world, node)
  })

  scenario('takes only its own part with it', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.submit({ Hold: true }, { Count: 4 })
    await world.until(() => world.runsOf(job).length === 4)
    await world.clock.advance(100)
    world.node('QmNode1').crash()
    await world.clock.advance(LIMITS.linkGrace + 100)
    assert.equal(world.ledger.running('QmNode2'), 4)
    world.node('QmNode2').runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.runsOf(job).length, 6)
  })

  scenario('alone: its job waits for it, and says so', async (world) => {
    const { node, job } = await running(world)
    node.crash()
    await world.clock.advance(10 * LIMITS.linkGrace)
    const { State } = await look(world, job)
    assert.equal(State.StateType, 'Queued')
    assert.equal(State.Message, 'no compute node is connected')
    await world.outcome(node.boot())
    node.runner.release()
    await world.reaches(job, 'Completed')
  })
})

describe('a node that starts again', () => {
  scenario('after a crash begins what it ran once more', async (world) => {
    const { node, job } = await running(world)
    node.crash()
    await world.outcome(node.boot())
    await world.begun(node, 2)
    node.runner.release()
    await world.reaches(job, 'Completed')
    const [first, second] = world.runsOf(job)
    assert.equal(first?.executionId, second?.executionId)
    assert.equal((await world.orchestrator.executions(job.ID)).length, 1)
  })

  scenario('after a crash time and again gives up what may bring it down', async (world) => {
    const { node, job } = await running(world)
    for (let start = 1; start <= LIMITS.interruptedStarts; start++) {
      node.crash()
      await world.outcome(node.boot())
      await world.clock.advance(500)
    }
    await world.until(async () => (await world.orchestrator.executions(job.ID)).length === 2)
    const [run] = (await world.orchestrator.executions(job.ID)).filter(
      (each) => stateOfRun(each) === EXECUTION_STATES.Failed,
    )
    assert.equal(run?.ComputeState.Details?.['ErrorCode'], 'NodeLost')
    node.runner.release()
    assert.equal(stateOf(await world.reaches(job, 'Completed')), 'Completed')
  })

  scenario('after it was stopped fails nothing: the run is begun once more', async (world) => {
    const { node, job } = await running(world)
    for (let start = 0; start < LIMITS.interruptedStarts + 2; start++) {
      await world.outcome(node.stop())
      await world.clock.advance(1_000)
      assert.equal(stateOf(await look(world, job)), 'Running')
      await world.outcome(node.boot())
      await world.begun(node, start + 2)
      await world.clock.advance(500)
    }
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal((await world.orchestrator.executions(job.ID)).length, 1)
  })

  scenario('too late after it was stopped finds its work done elsewhere', async (world) => {
    const { node, job } = await running(world, { Milliseconds: 5_000 })
    await world.addNode({ id: 'QmNode2' })
    await world.outcome(node.stop())
    await world.reaches(job, 'Completed')
    await world.outcome(node.boot())
    await atRest(world, node)
    assert.equal(await completions(world, job), 1)
  })

  scenario('without its store: what it does not know any more is run again', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { Count: 2 })
    node.crash()
    node.machine.disk.wipe()
    await world.outcome(node.boot())
    await world.begun(node, 4)
    assert.equal(node.compute.running(), 2)
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(await completions(world, job), 2)
    assert.equal((await world.orchestrator.executions(job.ID)).length, 4)
    await atRest(world, node)
  })

  scenario('with an older state of its store: every job ends, and every result counts once', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const held = await world.submit({ Hold: true }, { Name: 'held' })
    await world.begun(node, 1)
    await world.clock.advance(100)
    const backup = await node.machine.disk.snapshot()
    await world.reaches(await world.submit({}, { Count: 3 }), 'Completed')
    const later = await world.submit({ Hold: true }, { Name: 'later' })
    await world.begun(node, 5)
    await world.clock.advance(100)
    node.crash()
    await node.machine.disk.restore(backup)
    await world.outcome(node.boot())
    await world.clock.advance(5_000)
    node.runner.release()
    for (const job of [held, later]) {
      await world.reaches(job, 'Completed')
      assert.equal(await completions(world, job), 1)
    }
    await atRest(world, node)
  })

  scenario('with what waited there: nothing of it is lost', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    const job = await world.submit({ Milliseconds: 20 }, { Count: 100 })
    await world.until(() => node.compute.waiting() > 0)
    node.crash()
    await world.outcome(node.boot())
    await world.reaches(job, 'Completed')
    assert.equal(await completions(world, job), 100)
    await atRest(world, node)
  })
})

describe('a link that is slow or breaks at any moment', () => {
  scenario('delays everything and loses nothing', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    node.weather.latency = [300, 600]
    node.weather.duplicates = 0.5
    const jobs = await Promise.all(Array.from({ length: 8 }, () => world.submit({}, { Count: 2 })))
    for (const job of jobs) await world.reaches(job, 'Completed')
    assert.equal(world.ledger.begun.length, 16)
  })

  for (let cutAfter = 0; cutAfter < 12; cutAfter++) {
    scenario(
      `after ${cutAfter} ms: every job ends, and was run once`,
      async (world) => {
        const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1, Memory: 2e9 } })
        node.weather.latency = [1, 1]
        for (const { disk } of [world.host.machine, node.machine]) disk.weather.slowness = [1, 1]
        const jobs = await Promise.all(Array.from({ length: 3 }, () => world.submit({ Milliseconds: 2 })))
        await world.clock.advance(cutAfter)
        node.cut()
        for (const job of jobs) {
          await world.reaches(job, 'Completed')
          assert.equal(await completions(world, job), 1)
          assert.equal(world.runsOf(job).length, 1)
        }
        await atRest(world, node)
        assert.deepEqual(node.compute.free(), node.compute.capacity)
      },
      { seed: cutAfter },
    )
  }
})

describe('membership', () => {
  const away = { sameMachine: false }

  scenario(
    'a node of the same machine and one with the token get work; others wait and get none',
    async (world) => {
      const without = await world.addNode({ id: 'QmWithout', ...away })
      const wrong = await world.addNode({ id: 'QmWrong', ...away, joinToken: 'secret?' })
      const job = await world.reaches(await world.submit({ Milliseconds: 10 }, { Count: 8 }), 'Queued')
      assert.deepEqual([without.memberships, wrong.memberships], [['PENDING'], ['PENDING']])
      assert.match(job.State.Message ?? '', /: 2 nodes are connected and not approved \(bacalhau node approve <id>\)$/)
      assert.deepEqual(
        world.orchestrator.nodes().map(({ Membership, Connection }) => [Membership, Connection]),
        [
          ['PENDING', 'CONNECTED'],
          ['PENDING', 'CONNECTED'],
        ],
      )
      await world.addNode({ id: 'QmRight', ...away, joinToken: 'secret' })
      await world.addNode({ id: 'QmLocal' })
      await world.reaches(job, 'Completed')
      await world.reaches(await world.submit({ Milliseconds: 10 }, { Count: 8 }), 'Completed')
      assert.ok(world.runsAt('QmRight').length >= 4 && world.runsAt('QmLocal').length >= 4)
      assert.deepEqual([world.runsAt('QmWithout'), world.runsAt('QmWrong')], [[], []])
    },
    { settings: { joinToken: 'secret' } },
  )

  scenario(
    'with automatic approval everybody is a member',
    async (world) => {
      await world.addNode({ id: 'QmStranger', ...away })
      await world.reaches(await world.submit(), 'Completed')
    },
    { settings: { approval: 'auto' } },
  )

  scenario(
    'with manual approval the operator decides, for good',
    async (world) => {
      const node = await world.addNode({ id: 'QmNode1' })
      const job = await world.reaches(await world.submit(), 'Queued')
      await world.outcome(world.orchestrator.approveNode('QmNode1', 'fine'))
      await world.reaches(job, 'Completed')
      node.crash()
      await world.restart()
      await world.outcome(node.boot())
      await world.reaches(await world.submit(), 'Completed')
      assert.deepEqual(node.memberships, ['PENDING', 'APPROVED', 'APPROVED'])
    },
    { settings: { approval: 'manual' } },
  )

  scenario('a node that is rejected while it runs work loses it to others, and stays rejected', async (world) => {
    const { node, job } = await running(world)
    const other = await world.addNode({ id: 'QmNode2' })
    await world.outcome(world.orchestrator.rejectNode('QmNode1', 'out of order'))
    await world.begun(other, 1)
    await world.until(() => node.memberships.at(-1) === 'REJECTED')
    node.cut()
    await world.clock.advance(5_000)
    assert.equal(node.memberships.at(-1), 'REJECTED')
    node.runner.release()
    other.runner.release()
    await world.reaches(job, 'Completed')
    const done = (await world.orchestrator.executions(job.ID)).filter(
      (run) => stateOfRun(run) === EXECUTION_STATES.Completed,
    )
    assert.deepEqual(
      done.map(({ NodeID }) => NodeID),
      ['QmNode2'],
    )
    await world.outcome(world.orchestrator.approveNode('QmNode1', ''))
    await atRest(world, node)
  })

  scenario('a node that is deleted loses its work, and may present itself anew', async (world) => {
    const { node, job } = await running(world)
    await world.outcome(world.orchestrator.deleteNode('QmNode1'))
    await world.begun(node, 2)
    node.runner.release()
    await world.reaches(job, 'Completed')
    await atRest(world, node)
    assert.equal(await completions(world, job), 1)
  })

  scenario('strangers that leave are forgotten, members are shown as gone', async (world) => {
    const stranger = await world.addNode({ id: 'QmStranger', ...away })
    const member = await world.addNode({ id: 'QmMember' })
    await world.clock.advance(1)
    stranger.crash()
    member.crash()
    await world.clock.advance(1)
    assert.deepEqual(
      world.orchestrator.nodes().map(({ Info, Connection }) => [Info.NodeID, Connection]),
      [['QmMember', 'DISCONNECTED']],
    )
  })

  scenario('a member that comes back as a stranger loses what it ran', async (world) => {
    const options = { id: 'QmNode1', sameMachine: false, joinToken: 'the token' }
    const node = await world.addNode(options)
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    node.crash()
    options.joinToken = 'another'
    await world.outcome(node.boot())
    await world.addNode({ id: 'QmNode2' })
    await world.clock.advance(LIMITS.linkGrace + 100)
    assert.deepEqual(node.memberships, ['APPROVED', 'PENDING'])
    assert.equal(world.runsAt('QmNode2').length, 1)
    assert.equal(codeOf(await look(world, job)), undefined)
  })
})

describe('the list of nodes', () => {
  scenario('shows what is promised, and finds a node by its beginning', async (world) => {
    await running(world)
    await world.addNode({ id: 'QmNode2' })
    await world.clock.advance(1)
    const { Info } = world.orchestrator.node('QmNode1')
    assert.deepEqual([Info.ComputeNodeInfo.RunningExecutions, Info.ComputeNodeInfo.AvailableCapacity.CPU], [1, 3.5])
    assert.throws(() => world.orchestrator.node('QmNode'), /multiple nodes found/)
    assert.throws(() => world.orchestrator.node('QmOther'), /node not found: QmOther/)
    assert.throws(() => world.orchestrator.node('Qm'), /node not found/)
  })

  scenario('a node with a second link is one node, and goes on', async (world) => {
    const { node, job } = await running(world)
    node.reconnect()
    await world.clock.advance(1)
    assert.equal(world.orchestrator.nodes().length, 1)
    node.runner.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.orchestrator.node('QmNode1').Connection, 'CONNECTED')
    assert.deepEqual(node.compute.held(ORCHESTRATOR), [])
  })
})
