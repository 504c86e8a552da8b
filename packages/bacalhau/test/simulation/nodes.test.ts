import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXECUTION_STATES, type Job } from '@bacalhau/models'
import { LIMITS } from '../../src/runtime/limits.ts'
import { settle } from '../../src/runtime/virtual-clock.ts'
import { ORCHESTRATOR, World } from './world.ts'

const SMALL = { CPU: 0.5, Memory: 512_000_000 }
const stateOf = ({ State }: Job) => State.StateType
const codeOf = ({ State }: Job) => State.Details?.['ErrorCode']

/** A world with one node that runs a job which holds. */
async function running(t: Parameters<typeof World.create>[0]) {
  const world = await World.create(t)
  const node = await world.addNode({ id: 'QmNode1' })
  const job = await world.submit({ Hold: true })
  await world.begun(node, 1)
  await world.clock.advance(100)
  return { world, node, job }
}

describe('a node that is lost while it runs a job', () => {
  test('by a broken link: the job fails when the grace is over', async (t) => {
    const { world, node, job } = await running(t)
    node.cut()
    await settle()
    assert.equal(world.orchestrator.node('QmNode1').Connection, 'DISCONNECTED')
    await world.clock.advance(LIMITS.linkGrace - 1)
    assert.equal(stateOf(await world.orchestrator.getJob(job.ID)), 'Running')
    await world.clock.advance(1)
    const failed = await world.reaches(job, 'Failed')
    assert.equal(codeOf(failed), 'NodeLost')
    assert.match(failed.State.Message ?? '', /the node QmNode1 was lost while it ran the job/)
  })

  test('by silence: it is noticed within the time of silence', async (t) => {
    const { world, node, job } = await running(t)
    node.freeze()
    await world.clock.advance(LIMITS.linkSilence)
    const { Connection, ConnectionState } = world.orchestrator.node('QmNode1')
    assert.deepEqual([Connection, ConnectionState.LastError], ['DISCONNECTED', 'the node has fallen silent'])
    await world.clock.advance(LIMITS.linkGrace)
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'NodeLost')
  })

  test('and comes back after the grace: what it still runs is ended there', async (t) => {
    const { world, node, job } = await running(t)
    node.cut()
    await world.clock.advance(LIMITS.linkGrace)
    await world.reaches(job, 'Failed')
    assert.equal(node.executor.running, 1)
    node.connect()
    await world.until(() => node.executor.running === 0 && node.compute.held(ORCHESTRATOR).length === 0)
    assert.equal(stateOf(await world.orchestrator.getJob(job.ID)), 'Failed')
  })

  test('and comes back within the grace: the job goes on, and ends once', async (t) => {
    const { world, node, job } = await running(t)
    node.cut()
    await world.clock.advance(LIMITS.linkGrace - 1)
    node.connect()
    await world.clock.advance(60_000)
    assert.equal(stateOf(await world.orchestrator.getJob(job.ID)), 'Running')
    node.executor.release()
    await world.reaches(job, 'Completed')
    assert.equal(node.executor.runs.length, 1)
    await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
  })

  test('again and again, each time within the grace', async (t) => {
    const { world, node, job } = await running(t)
    for (let round = 0; round < 5; round++) {
      node.cut()
      await world.clock.advance(LIMITS.linkGrace - 500)
      node.connect()
      await world.clock.advance(1_000)
    }
    node.executor.release()
    await world.reaches(job, 'Completed')
  })

  test('whose job ended meanwhile: the report follows, and counts once', async (t) => {
    const { world, node, job } = await running(t)
    node.cut()
    await settle()
    node.executor.release()
    await world.until(() => node.compute.running() === 0)
    node.connect()
    await world.reaches(job, 'Completed')
    const history = await world.history(job)
    assert.equal(history.filter((event) => event === 'Execution: Completed successfully').length, 1)
  })

  test('whose job was stopped meanwhile: it is ended there when the node is back', async (t) => {
    const { world, node, job } = await running(t)
    node.cut()
    await settle()
    await world.orchestrator.stopJob(job.ID, 'enough')
    assert.equal(node.executor.running, 1)
    node.connect()
    await world.until(() => node.executor.running === 0 && node.compute.held(ORCHESTRATOR).length === 0)
  })

  test('and starts again after a crash: the job fails with what happened', async (t) => {
    const { world, node, job } = await running(t)
    node.crash()
    await node.restart()
    const failed = await world.reaches(job, 'Failed')
    assert.equal(codeOf(failed), 'NodeLost')
    assert.match(failed.State.Message ?? '', /the compute node was restarted while it ran the job/)
    await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
  })

  test('and is stopped by its operator: the job fails with that at once', async (t) => {
    const { world, node, job } = await running(t)
    await node.stop()
    const failed = await world.reaches(job, 'Failed')
    assert.match(failed.State.Message ?? '', /the compute node was stopped while it ran the job/)
  })

  test('and comes back without its memory: what it does not know any more is lost', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 8 } })
    const job = await world.submit({ Hold: true }, { Count: 2 })
    await world.begun(node, 2)
    await world.clock.advance(100)
    node.crash()
    // One of two executions is gone from the disk: the job fails, and the other one is ended, not kept for ever.
    const [lost] = await world.orchestrator.executions(job.ID)
    await node.forget(lost?.ID ?? '')
    await node.restart()
    const failed = await world.reaches(job, 'Failed')
    assert.match(failed.State.Message ?? '', /the node QmNode1 was lost/)
    await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
    assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 0)
  })

  test('takes only its own part with it', async (t) => {
    const world = await World.create(t)
    const nodes = [await world.addNode({ id: 'QmNode1' }), await world.addNode({ id: 'QmNode2' })]
    const jobs = [await world.submit({ Hold: true }), await world.submit({ Hold: true })]
    for (const node of nodes) await world.begun(node, 1)
    await world.clock.advance(100)
    nodes[0]?.crash()
    await world.clock.advance(LIMITS.linkGrace)
    nodes[1]?.executor.release()
    await world.until(async () => {
      const states = await Promise.all(jobs.map(async ({ ID }) => stateOf(await world.orchestrator.getJob(ID))))
      return states.toSorted().join() === 'Completed,Failed'
    })
  })
})

describe('a link that is slow or breaks at any moment', () => {
  test('delays everything and loses nothing', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    node.delay(300)
    const jobs = await Promise.all(Array.from({ length: 8 }, () => world.submit({}, { Count: 2 })))
    await world.until(async () => {
      await world.clock.advance(50)
      const states = await Promise.all(jobs.map(({ ID }) => world.orchestrator.getJob(ID)))
      return states.every((job) => stateOf(job) === 'Completed')
    })
    assert.equal(node.executor.runs.length, 16)
  })

  test('every job ends, and every completed one was run, whenever it breaks', async (t) => {
    for (let cutAfter = 0; cutAfter < 12; cutAfter++) {
      const world = await World.create(t, { seed: cutAfter })
      const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1, Memory: 2e9 } })
      const jobs = await Promise.all(Array.from({ length: 3 }, () => world.submit()))
      await settle(cutAfter)
      node.cut()
      await settle(5)
      node.connect()
      for (const job of jobs) {
        await world.reaches(job, 'Completed')
        const done = (await world.orchestrator.executions(job.ID)).filter(
          ({ ComputeState }) => ComputeState.StateType === EXECUTION_STATES.Completed,
        )
        assert.equal(done.length, 1)
      }
      await world.until(() => node.compute.held(ORCHESTRATOR).length === 0)
      assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 0)
      assert.deepEqual(node.compute.free(), node.compute.capacity)
    }
  })
})

describe('an offer', () => {
  test('that is refused goes elsewhere', async (t) => {
    const world = await World.create(t)
    // The first node says that it can run the engine, and refuses.
    await world.addNode({ id: 'QmNode1', capacity: { CPU: 16 }, info: { ExecutionEngines: ['script', 'other'] } })
    const other = await world.addNode({ id: 'QmNode2', info: { ExecutionEngines: ['script', 'other'] } })
    const job = await world.submit({}, { task: { Engine: { Type: 'other' }, Timeouts: { QueueTimeout: 60 } } })
    await world.until(
      async () => (await world.history(job)).filter((event) => event.includes('rejected bid')).length === 2,
    )
    const queued = await world.reaches(job, 'Queued')
    assert.match(queued.State.Message ?? '', /2 of 2 refused: this node does not support the engine "other"/)
    assert.equal(other.executor.runs.length, 0)
  })

  test('that is refused everywhere fails the job with the reasons', async (t) => {
    const world = await World.create(t)
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id, info: { ExecutionEngines: ['other'] } })
    const job = await world.reaches(await world.submit({}, { task: { Engine: { Type: 'other' } } }), 'Failed')
    assert.match(job.State.Message ?? '', /2 of 2 refused: this node does not support the engine "other", only script/)
    assert.equal((await world.orchestrator.executions(job.ID)).length, 2)
    assert.equal(stateOf(job), 'Failed')
  })

  test('that is refused for want of room is repeated, ever more rarely, and others are not held up', async (t) => {
    const world = await World.create(t)
    // The node has less room than it says: others use it too.
    const node = await world.addNode({
      id: 'QmNode1',
      capacity: { CPU: 1 },
      info: { MaxCapacity: { CPU: 9, Memory: 9e9, Disk: 0, GPU: 0 } },
    })
    const large = await world.submit({}, { task: { Resources: { CPU: '2' } } })
    const small = await world.submit({}, { task: { Resources: { CPU: '1' } } })
    await world.reaches(small, 'Completed')
    for (let minute = 0; minute < 10; minute++) await world.clock.advance(60_000)
    const refusals = (await world.history(large)).filter((event) => event.includes('rejected bid'))
    assert.ok(refusals.length >= 8 && refusals.length <= 20, `${refusals.length} refusals`)
    assert.match(refusals[0] ?? '', /lacks 2 cores of CPU \(1 available\)/)
    assert.equal(stateOf(await world.orchestrator.getJob(large.ID)), 'Queued')
    await world.addNode({ id: 'QmNode2' })
    await world.reaches(large, 'Completed')
    assert.equal(node.executor.runs.length, 1)
  })

  test('that a node took with it goes elsewhere, and the job does not fail', async (t) => {
    const world = await World.create(t)
    const slow = await world.addNode({ id: 'QmNode1' })
    slow.delay(10_000)
    const job = await world.submit()
    await settle()
    assert.deepEqual((await world.history(job)).at(-1), 'Scheduling: Requested execution on QmNode1')
    slow.crash()
    const other = await world.addNode({ id: 'QmNode2' })
    await world.clock.advance(LIMITS.linkGrace)
    await world.reaches(job, 'Completed')
    assert.equal(other.executor.runs.length, 1)
    const [lost] = await world.orchestrator.executions(job.ID)
    assert.equal(lost?.ComputeState.StateType, EXECUTION_STATES.AskForBidRejected)
  })

  test('of a large job is not sent by the dozen: the link carries only what the node answers', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 100, Memory: 100e9 } })
    node.delay(100)
    const Meta = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`k${index}`, 'x'.repeat(4_000)]))
    const job = await world.submit({ Hold: true }, { Count: 20, Meta })
    await settle()
    const offered = async () => (await world.orchestrator.executions(job.ID)).length
    const first = await offered()
    const bytes = first * JSON.stringify(Meta).length
    assert.ok(bytes >= LIMITS.unansweredOffers * 0.9 && bytes < LIMITS.linkBacklog, `${first} offers of ${bytes} bytes`)
    await world.until(async () => {
      await world.clock.advance(100)
      return node.executor.running === 20
    })
  })
})

describe('jobs that wait', () => {
  test('go on waiting while their node is away, and run when it is back', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    node.crash()
    await world.clock.advance(LIMITS.nodeMemory - 1_000)
    assert.equal(stateOf(await world.orchestrator.getJob(waiting.ID)), 'Queued')
    await node.restart()
    await world.reaches(waiting, 'Completed')
  })

  test('fail when nobody comes back', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    node.crash()
    await world.clock.advance(LIMITS.nodeMemory)
    const failed = await world.reaches(waiting, 'Failed')
    assert.equal(codeOf(failed), 'NoNodes')
  })

  test('run as soon as a node that can run them appears, or says that it can now', async (t) => {
    const world = await World.create(t)
    const options = { id: 'QmNode1', info: { ExecutionEngines: ['other'] } }
    const node = await world.addNode(options)
    const job = await world.submit({}, { task: { Timeouts: { QueueTimeout: 600 } } })
    const { State } = await world.reaches(job, 'Queued')
    assert.match(State.Message ?? '', /only other/)
    options.info.ExecutionEngines = ['script']
    node.refresh()
    await world.reaches(job, 'Completed')
  })
})

describe('membership', () => {
  test('a node of the same machine and one with the token get work; others wait and get none', async (t) => {
    const world = await World.create(t, { joinToken: 'secret' })
    const without = await world.addNode({ id: 'QmWithout', sameMachine: false })
    const wrong = await world.addNode({ id: 'QmWrong', sameMachine: false, joinToken: 'secret?' })
    await settle()
    assert.deepEqual([without.memberships, wrong.memberships], [['PENDING'], ['PENDING']])
    assert.equal(codeOf(await world.reaches(await world.submit(), 'Failed')), 'NoNodes')
    assert.deepEqual(
      world.orchestrator.nodes().map(({ Membership, Connection }) => [Membership, Connection]),
      [
        ['PENDING', 'CONNECTED'],
        ['PENDING', 'CONNECTED'],
      ],
    )
    const right = await world.addNode({ id: 'QmRight', sameMachine: false, joinToken: 'secret' })
    const local = await world.addNode({ id: 'QmLocal' })
    await world.reaches(await world.submit({}, { Count: 8 }), 'Completed')
    assert.deepEqual([right.executor.runs.length, local.executor.runs.length], [4, 4])
    assert.deepEqual([without.executor.runs.length, wrong.executor.runs.length], [0, 0])
  })

  test('with automatic approval everybody is a member', async (t) => {
    const world = await World.create(t, { approval: 'auto' })
    await world.addNode({ id: 'QmStranger', sameMachine: false })
    await world.reaches(await world.submit(), 'Completed')
  })

  test('strangers that leave are forgotten, members are shown as gone', async (t) => {
    const world = await World.create(t)
    const stranger = await world.addNode({ id: 'QmStranger', sameMachine: false })
    const member = await world.addNode({ id: 'QmMember' })
    await settle()
    stranger.cut()
    member.cut()
    await settle()
    assert.deepEqual(
      world.orchestrator.nodes().map(({ Info, Connection }) => [Info.NodeID, Connection]),
      [['QmMember', 'DISCONNECTED']],
    )
  })

  test('a member that comes back as a stranger loses what it ran', async (t) => {
    const world = await World.create(t)
    const options = { id: 'QmNode1', sameMachine: false, joinToken: 'the token' }
    const node = await world.addNode(options)
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    options.joinToken = 'another'
    node.connect()
    await world.clock.advance(LIMITS.linkGrace)
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'NodeLost')
    assert.deepEqual(node.memberships, ['APPROVED', 'PENDING'])
  })
})

describe('the list of nodes', () => {
  test('shows what is promised, and finds a node by its beginning', async (t) => {
    const { world } = await running(t)
    await world.addNode({ id: 'QmNode2' })
    await settle()
    const { Info } = world.orchestrator.node('QmNode1')
    assert.deepEqual([Info.ComputeNodeInfo.RunningExecutions, Info.ComputeNodeInfo.AvailableCapacity.CPU], [1, 3.5])
    assert.throws(() => world.orchestrator.node('QmNode'), /multiple nodes found/)
    assert.throws(() => world.orchestrator.node('QmOther'), /node not found: QmOther/)
    assert.throws(() => world.orchestrator.node('Qm'), /node not found/)
  })

  test('a node with a second link is one node, and the first link is closed', async (t) => {
    const { world, node, job } = await running(t)
    node.connect()
    await settle()
    assert.equal(world.orchestrator.nodes().length, 1)
    node.executor.release()
    await world.reaches(job, 'Completed')
    assert.equal(world.orchestrator.node('QmNode1').Connection, 'CONNECTED')
  })
})
