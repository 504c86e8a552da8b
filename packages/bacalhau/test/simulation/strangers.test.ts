import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { ComputeMessage, OrchestratorMessage } from '@bacalhau/models'
import { sampleNode } from '../../src/link/fixtures/samples.ts'
import { LIMITS } from '../../src/runtime/limits.ts'
import { settle } from '../../src/runtime/virtual-clock.ts'
import { createWire } from './wire.ts'
import { ORCHESTRATOR, World } from './world.ts'

const OUTPUT = { Stdout: '', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
type Held = { executionId: string; state: number }[]

/** A peer that says whatever a test wants it to say. */
function connect(world: World, peer = 'QmPeer', { sameMachine = true } = {}) {
  const wire = createWire<ComputeMessage, OrchestratorMessage>({
    clock: world.clock,
    peers: [peer, ORCHESTRATOR],
    sameMachine,
  })
  const [channel, far] = wire.ends
  const heard: OrchestratorMessage[] = []
  const closings: (Error | undefined)[] = []
  channel.start({ onMessage: (message) => heard.push(message), onClose: (error) => closings.push(error) })
  world.orchestrator.attach(far)
  const hello = (held: Held = [], NodeID = peer) =>
    channel.send({ type: 'hello', versions: [1], node: sampleNode(NodeID), storeGeneration: 'g', held })
  return {
    heard,
    closings,
    hello,
    say: (...messages: ComputeMessage[]) => messages.forEach((message) => channel.send(message)),
    types: () => heard.map(({ type }) => type).filter((type) => type !== 'heartbeat'),
    /** Ids of the executions that were offered. */
    offers: () => heard.flatMap((message) => (message.type === 'offer' ? [message.executionId] : [])),
    cut: () => wire.cut(),
  }
}

const accepted = (executionId: string): ComputeMessage => ({ type: 'accepted', executionId })
const progress = (executionId: string, state: 6 | 7): ComputeMessage => ({ type: 'progress', executionId, state })
const completed = (executionId: string): ComputeMessage => ({
  type: 'completed',
  executionId,
  output: OUTPUT,
  result: { Type: '' },
})
const failed = (executionId: string): ComputeMessage => ({
  type: 'failed',
  executionId,
  code: 'WasmTrap',
  message: 'no',
})

/** A world with a peer that has been offered the only execution of a job. */
async function offered(t: TestContext, count = 1) {
  const world = await World.create(t)
  const peer = connect(world)
  peer.hello()
  const job = await world.submit({}, { Count: count })
  await settle()
  const [id = ''] = peer.offers()
  assert.equal(peer.offers().length, count)
  const state = async () => (await world.orchestrator.getJob(job.ID)).State.StateType
  return { world, peer, job, id, state }
}

describe('the handshake', () => {
  test('that never comes costs the peer its link', async (t) => {
    const world = await World.create(t)
    const silent = connect(world)
    const chatty = connect(world, 'QmChatty')
    for (let second = 0; second < 10; second++) {
      chatty.say({ type: 'heartbeat' })
      await world.clock.advance(1_000)
    }
    assert.deepEqual([silent.closings.length, chatty.closings], [1, [undefined]])
    assert.deepEqual(world.orchestrator.nodes(), [])
  })

  test('in the name of another, in an unknown language or twice ends the link', async (t) => {
    const world = await World.create(t)
    const other = connect(world, 'QmThief')
    other.hello([], 'QmVictim')
    const foreign = connect(world, 'QmForeign')
    foreign.say({ type: 'hello', versions: [7], node: sampleNode('QmForeign'), storeGeneration: 'g', held: [] })
    const twice = connect(world, 'QmTwice')
    twice.hello()
    twice.hello()
    await settle()
    assert.deepEqual([other.closings, foreign.closings, twice.closings], [[undefined], [undefined], [undefined]])
    assert.deepEqual([other.types(), foreign.types(), twice.types()], [[], [], ['welcome']])
    assert.deepEqual(
      world.orchestrator.nodes().map(({ Info, Connection }) => [Info.NodeID, Connection]),
      [['QmTwice', 'DISCONNECTED']],
    )
  })

  test('that was wrong is not made good by a right one after it', async (t) => {
    const world = await World.create(t)
    const thief = connect(world, 'QmThief')
    thief.hello([], 'QmVictim')
    thief.hello()
    await settle()
    assert.deepEqual([thief.types(), world.orchestrator.nodes()], [[], []])
  })

  test('is answered before any work is offered', async (t) => {
    const world = await World.create(t)
    await world.submit({}, { task: { Timeouts: { QueueTimeout: 60 } } })
    const peer = connect(world)
    peer.hello()
    await settle()
    assert.deepEqual(peer.types(), ['welcome', 'offer'])
  })

  test('that names executions which nobody gave it: they are to be ended', async (t) => {
    const world = await World.create(t)
    const peer = connect(world)
    peer.hello([{ executionId: 'e-unknown', state: 5 }])
    await settle()
    assert.deepEqual(peer.heard.slice(1), [{ type: 'cancel', executionId: 'e-unknown', reason: 'the job has ended' }])
  })

  test('a heartbeat in the name of another changes nothing', async (t) => {
    const world = await World.create(t)
    const peer = connect(world)
    peer.say({ type: 'heartbeat', node: sampleNode('QmPeer') })
    peer.hello()
    peer.say({ type: 'heartbeat', node: { ...sampleNode('QmVictim'), Labels: { evil: 'yes' } } })
    await settle()
    assert.deepEqual(world.orchestrator.node('QmPeer').Info.Labels, {})
    peer.say({ type: 'heartbeat', node: { ...sampleNode('QmPeer'), Labels: { good: 'yes' } } })
    await settle()
    assert.deepEqual(world.orchestrator.node('QmPeer').Info.Labels, { good: 'yes' })
  })
})

describe('reports', () => {
  test('about an execution of another node change nothing', async (t) => {
    const { world, id, state } = await offered(t)
    const thief = connect(world, 'QmThief')
    thief.hello([{ executionId: id, state: 5 }])
    await settle()
    thief.say(accepted(id), progress(id, 6), completed(id), failed(id))
    await settle()
    assert.equal(await state(), 'Pending')
    // It is told to end what is not its, and to forget it.
    assert.deepEqual(new Set(thief.types()), new Set(['welcome', 'cancel', 'settled']))
  })

  test('of a node that is no member change nothing', async (t) => {
    const { world, id, state } = await offered(t)
    const stranger = connect(world, 'QmPeer', { sameMachine: false })
    stranger.hello([{ executionId: id, state: 5 }])
    stranger.say(accepted(id), completed(id))
    await settle()
    assert.equal(await state(), 'Pending')
    assert.deepEqual(stranger.types(), ['welcome'])
  })

  test('before the handshake change nothing', async (t) => {
    const { world, id, state } = await offered(t)
    const hasty = connect(world)
    hasty.say(completed(id))
    await settle()
    assert.deepEqual([await state(), hasty.types()], ['Pending', []])
  })

  test('in the wrong order, twice or after the end are harmless, and every end is settled', async (t) => {
    const { world, peer, job, id, state } = await offered(t)
    peer.say(progress(id, 7), progress(id, 6), accepted(id), completed(id), completed(id), failed(id), accepted(id))
    peer.say({ type: 'refused', executionId: id, reason: 'changed my mind', later: true })
    await settle()
    assert.equal(await state(), 'Completed')
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      'Scheduling: Requested execution on QmPeer',
      'State Update: Running',
      'Execution: Publishing Results',
      'Execution: Completed successfully',
      'State Update: Completed',
    ])
    assert.deepEqual(peer.types(), ['welcome', 'offer', 'settled', 'settled', 'settled', 'cancel'])
  })

  test('of the end alone are enough, also for a job that was queued', async (t) => {
    const world = await World.create(t)
    const job = await world.submit({}, { task: { Timeouts: { QueueTimeout: 60 } } })
    await world.reaches(job, 'Queued')
    const peer = connect(world)
    peer.hello()
    await settle()
    const [id = ''] = peer.offers()
    peer.say(completed(id))
    assert.equal((await world.reaches(job, 'Completed')).State.StateType, 'Completed')
  })

  test('that got lost with a link are made up for by the next handshake', async (t) => {
    const { world, peer, id, job } = await offered(t)
    peer.cut()
    await settle()
    const back = connect(world)
    back.hello([{ executionId: id, state: 5 }])
    await world.clock.advance(100)
    assert.equal((await world.reaches(job, 'Running')).State.StateType, 'Running')
    assert.deepEqual(back.types(), ['welcome'])
  })

  test('of a node that has not yet taken an execution: its refusal still counts', async (t) => {
    const { world, peer, id, job } = await offered(t)
    peer.cut()
    await settle()
    const back = connect(world)
    back.hello([{ executionId: id, state: 2 }])
    await settle()
    back.say({ type: 'refused', executionId: id, reason: 'no disk', later: false })
    await settle()
    assert.match((await world.reaches(job, 'Failed')).State.Message ?? '', /1 of 1 refused: no disk/)
  })

  test('of a cancellation that nobody asked for fail the job', async (t) => {
    const { world, peer, id, job } = await offered(t)
    peer.say(accepted(id), { type: 'cancelled', executionId: id, message: 'by hand' })
    const ended = await world.reaches(job, 'Failed')
    assert.deepEqual([ended.State.Details?.['ErrorCode'], ended.State.Message], ['ExecutionCancelled', 'by hand'])
  })

  test('of words without end are kept within bounds', async (t) => {
    const { world, peer, id, job } = await offered(t)
    peer.say({ type: 'failed', executionId: id, code: 'X', message: 'x'.repeat(16_000) })
    assert.equal((await world.reaches(job, 'Failed')).State.Message?.length, LIMITS.message)
  })
})

describe('offers and cancellations', () => {
  test('an execution is cancelled after it was offered, never before', async (t) => {
    for (let turns = 0; turns < 10; turns++) {
      const world = await World.create(t)
      const peer = connect(world)
      peer.hello()
      const job = await world.submit()
      await settle(turns)
      await world.orchestrator.stopJob(job.ID, '')
      await settle()
      const types = peer.types().slice(1)
      assert.ok(['', 'cancel', 'offer,cancel'].includes(types.join()), types.join())
    }
  })

  test('nothing is let out that is not on disk', async (t) => {
    const world = await World.create(t)
    const peer = connect(world)
    peer.hello()
    const job = await world.submit()
    // The placement is decided while the disk is full already.
    world.machine.full = true
    await world.clock.advance(3_000)
    assert.deepEqual(peer.offers(), [])
    assert.deepEqual(await world.orchestrator.executions(job.ID), [])
    world.machine.full = false
    await world.clock.advance(1_000)
    assert.equal(peer.offers().length, 1)
    const [execution] = await world.orchestrator.executions(job.ID)
    assert.deepEqual(peer.offers(), [execution?.ID])
  })

  test('the second link of a node takes over, and the first is closed', async (t) => {
    const { world, peer, id, state } = await offered(t)
    const second = connect(world)
    second.hello([{ executionId: id, state: 5 }])
    await settle()
    assert.deepEqual(peer.closings, [undefined])
    peer.say(failed(id))
    second.say(completed(id))
    await settle()
    assert.equal(await state(), 'Completed')
  })

  test('a job that ends frees everything it had on every node', async (t) => {
    const { world, peer, state } = await offered(t, 4)
    const [first = '', ...others] = peer.offers()
    peer.say(...peer.offers().map(accepted), failed(first))
    await settle()
    assert.equal(await state(), 'Failed')
    assert.deepEqual(
      peer.heard.flatMap((message) => (message.type === 'cancel' ? [message.executionId] : [])),
      others,
    )
    const { ComputeNodeInfo } = world.orchestrator.node('QmPeer').Info
    assert.deepEqual(
      [ComputeNodeInfo.RunningExecutions, ComputeNodeInfo.AvailableCapacity],
      [0, ComputeNodeInfo.MaxCapacity],
    )
  })
})
