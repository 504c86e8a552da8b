import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { ComputeMessage, Hello, OrchestratorMessage, OrderMessage, ReportMessage } from '@bacalhau/models'
import { sampleNode } from '../../../src/link/fixtures/samples.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'
import { type Holder, Wire } from '../world/wire.ts'
import { ORCHESTRATOR, type World } from '../world/world.ts'
import { codeOf, look, occurrences, scenario, stateOf } from './scene.ts'

const OUTPUT = { Stdout: '', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
type Held = Hello['held']

const accepted = (executionId: string): ReportMessage => ({ type: 'accepted', executionId })
const progress = (executionId: string, state: 6 | 7): ReportMessage => ({ type: 'progress', executionId, state })
const completed = (executionId: string): ReportMessage => ({
  type: 'completed',
  executionId,
  output: OUTPUT,
  result: { Type: '' },
})
const failed = (executionId: string): ReportMessage => ({
  type: 'failed',
  executionId,
  code: 'WasmTrap',
  message: 'no',
})

/** A peer that says whatever a test wants it to say. */
class Peer {
  readonly heard: OrchestratorMessage[] = []
  readonly closings: (Error | undefined)[] = []
  readonly #name: string
  readonly #wire: Wire<ComputeMessage, OrchestratorMessage>
  #sequence = 0

  constructor(world: World, name = 'QmPeer', { sameMachine = true } = {}) {
    const holder = (peer: string): Holder => ({ peer, dead: false, reach: () => undefined })
    this.#name = name
    this.#wire = new Wire({ clock: world.clock, holders: [holder(name), holder(ORCHESTRATOR)], sameMachine })
    const [near, far] = this.#wire.ends
    near.start({ onMessage: (message) => this.heard.push(message), onClose: (error) => this.closings.push(error) })
    world.orchestrator.attach(far)
  }

  send(message: ComputeMessage): void {
    this.#wire.ends[0].send(message)
  }

  hello(hello: Partial<Hello> = {}): void {
    const node = sampleNode(this.#name)
    this.send({ type: 'hello', node, storeGeneration: 'g', held: [], ...hello })
  }

  /** Reports, in the next parcel. */
  say(...messages: ReportMessage[]): void {
    this.#sequence += 1
    this.send({ type: 'parcel', seq: this.#sequence, mark: 'm', messages })
  }

  cut(): void {
    this.#wire.cut()
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type).filter((type) => type !== 'heartbeat')
  }

  get orders(): OrderMessage[] {
    return this.heard.flatMap((message) => (message.type === 'parcel' ? message.messages : []))
  }

  /** Ids of the executions that were offered. */
  get offers(): string[] {
    return this.orders.flatMap((order) => (order.type === 'offer' ? order.executions.map(({ id }) => id) : []))
  }

  get cancels(): string[] {
    return this.orders.flatMap((order) => (order.type === 'cancel' ? [order.executionId] : []))
  }
}

/** Lets everything that takes no time happen. */
const settle = (world: World) => world.clock.advance(1)

/** A peer that has presented itself. */
async function member(world: World, name = 'QmPeer', held: Held = []): Promise<Peer> {
  const peer = new Peer(world, name)
  peer.hello({ held })
  await settle(world)
  return peer
}

/** A peer that has been offered all executions of a job. */
async function offered(world: World, Count = 1) {
  const peer = await member(world)
  const job = await world.submit({}, { Count })
  await settle(world)
  const [id = ''] = peer.offers
  assert.equal(peer.offers.length, Count)
  return { peer, job, id, state: async () => stateOf(await look(world, job)) }
}

describe('the handshake', () => {
  scenario('that never comes costs the peer its link', async (world) => {
    const silent = new Peer(world)
    const chatty = new Peer(world, 'QmChatty')
    for (let time = 0; time < LIMITS.handshake; time += 1_000) {
      chatty.send({ type: 'heartbeat' })
      await world.clock.advance(1_000)
    }
    await settle(world)
    assert.deepEqual([silent.closings.length, chatty.closings], [1, [undefined]])
    assert.deepEqual(world.orchestrator.nodes(), [])
  })

  scenario('in the name of another, or twice, ends the link', async (world) => {
    const other = new Peer(world, 'QmThief')
    other.hello({ node: sampleNode('QmVictim') })
    const twice = await member(world, 'QmTwice')
    twice.hello()
    await settle(world)
    assert.deepEqual([other.closings, twice.closings], [[undefined], [undefined]])
    assert.deepEqual([other.types, twice.types], [[], ['welcome']])
    assert.deepEqual(
      world.orchestrator.nodes().map(({ Info, Connection }) => [Info.NodeID, Connection]),
      [['QmTwice', 'DISCONNECTED']],
    )
  })

  scenario('that was wrong is not made good by a right one after it', async (world) => {
    const thief = new Peer(world, 'QmThief')
    thief.hello({ node: sampleNode('QmVictim') })
    thief.hello()
    await settle(world)
    assert.deepEqual([thief.types, world.orchestrator.nodes()], [[], []])
  })

  scenario('is answered before any work is offered', async (world) => {
    await world.reaches(await world.submit(), 'Queued')
    const peer = await member(world)
    assert.deepEqual(peer.types, ['welcome', 'parcel'])
    assert.equal(peer.offers.length, 1)
  })

  scenario('that names executions which nobody gave: they are to be ended', async (world) => {
    const held = [
      { executionId: 'e-unknown', state: 5 },
      { executionId: 'e-ended', state: 9 },
    ]
    const peer = await member(world, 'QmPeer', held)
    const reason = 'the orchestrator does not know the execution'
    assert.deepEqual(peer.orders, [{ type: 'cancel', executionId: 'e-unknown', reason }])
  })

  scenario('of a second node with the same key is refused while the first is there', async (world) => {
    const { peer, state, id } = await offered(world)
    const twin = new Peer(world)
    twin.hello({ storeGeneration: 'another' })
    await settle(world)
    assert.deepEqual(twin.types, ['welcome'])
    const [welcome] = twin.heard
    assert.ok(welcome?.type === 'welcome' && welcome.membership === 'REJECTED')
    assert.match(welcome.message, /another node with the same key is connected/)
    assert.deepEqual([twin.closings.length, peer.closings.length], [1, 0])
    peer.say(completed(id))
    await settle(world)
    assert.equal(await state(), 'Completed')
  })

  scenario('of a second link takes over, and the first is closed', async (world) => {
    const { peer, id, state } = await offered(world)
    const second = await member(world, 'QmPeer', [{ executionId: id, state: 5 }])
    assert.equal(peer.closings.length, 1)
    peer.say(failed(id))
    await settle(world)
    second.say(completed(id))
    await settle(world)
    assert.equal(await state(), 'Completed')
  })
})

describe('a node without the right to work', () => {
  const away = { sameMachine: false }

  scenario('gets nothing, also with a wrong token, and nothing it says counts', async (world) => {
    const { id, state } = await offered(world)
    for (const joinToken of [undefined, '', 'the tokem', 'the token ']) {
      const stranger = new Peer(world, `QmStranger${joinToken?.length ?? ''}`, away)
      stranger.hello({ held: [{ executionId: id, state: 6 }], ...(joinToken === undefined ? {} : { joinToken }) })
      await settle(world)
      stranger.say(accepted(id), completed(id))
      await world.submit()
      await settle(world)
      assert.deepEqual([stranger.types, stranger.orders], [['welcome'], []])
    }
    assert.equal(await state(), 'Pending')
  })

  scenario('learns when it is approved, gets work, and what it said before counts then', async (world) => {
    const peer = new Peer(world, 'QmPeer', away)
    peer.hello()
    const job = await world.reaches(await world.submit(), 'Queued')
    await world.outcome(world.orchestrator.approveNode('QmPeer', 'welcome'))
    await settle(world)
    const welcomes = peer.heard.flatMap((message) => (message.type === 'welcome' ? [message.membership] : []))
    assert.deepEqual(welcomes, ['PENDING', 'APPROVED'])
    const [id = ''] = peer.offers
    peer.say(completed(id))
    await world.reaches(job, 'Completed')
  })
})

describe('reports', () => {
  scenario('about an execution of another node change nothing', async (world) => {
    const { id, state } = await offered(world)
    const thief = await member(world, 'QmThief', [{ executionId: id, state: 5 }])
    thief.say(accepted(id), progress(id, 6), completed(id), failed(id))
    await settle(world)
    assert.equal(await state(), 'Pending')
    // It is told to end what is not its.
    assert.deepEqual(new Set(thief.cancels), new Set([id]))
  })

  scenario('before the handshake end the link and change nothing', async (world) => {
    const { id, state } = await offered(world)
    const hasty = new Peer(world, 'QmHasty')
    hasty.say(completed(id))
    await settle(world)
    assert.deepEqual([await state(), hasty.types, hasty.closings.length], ['Pending', [], 1])
  })

  scenario('that skip a number end the link; those that come twice are heard once', async (world) => {
    const { peer, job, id, state } = await offered(world)
    const parcel = (seq: number, report: ReportMessage): ComputeMessage => ({
      type: 'parcel',
      seq,
      mark: 'm',
      messages: [report],
    })
    peer.send(parcel(1, progress(id, 6)))
    peer.send(parcel(1, progress(id, 6)))
    await settle(world)
    assert.equal(occurrences(await world.history(job), 'Execution: Running Execution'), 1)
    peer.send(parcel(3, completed(id)))
    await settle(world)
    assert.deepEqual([await state(), peer.closings.length], ['Running', 1])
  })

  scenario('that acknowledge what was never sent end the link', async (world) => {
    const { peer } = await offered(world)
    peer.send({ type: 'ack', seq: 7 })
    await settle(world)
    assert.equal(peer.closings.length, 1)
  })

  scenario('in the wrong order, twice or after the end are harmless', async (world) => {
    const { peer, job, id, state } = await offered(world)
    peer.say(progress(id, 7), progress(id, 6), accepted(id), completed(id), completed(id), failed(id), accepted(id))
    peer.say({ type: 'refused', executionId: id, reason: 'changed my mind', later: true })
    await settle(world)
    assert.equal(await state(), 'Completed')
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      'Scheduling: Requested execution on QmPeer',
      'Execution: Running',
      'State Update: Running',
      'Execution: Publishing Results',
      'Execution: Completed successfully',
      'State Update: Completed',
    ])
    // It says that it goes on with something that has ended.
    assert.deepEqual(peer.cancels, [id])
  })

  scenario('that got lost with a link are made up for by the next handshake', async (world) => {
    const { peer, id, job } = await offered(world)
    peer.cut()
    await settle(world)
    const back = await member(world, 'QmPeer', [{ executionId: id, state: 5 }])
    await world.reaches(job, 'Running')
    assert.deepEqual(back.orders, [])
  })

  scenario('of a cancellation that nobody asked for: the work goes elsewhere', async (world) => {
    const { peer, id, job } = await offered(world)
    await world.addNode({ id: 'QmNode2' })
    peer.say(accepted(id), { type: 'cancelled', executionId: id, message: 'by hand' })
    await world.reaches(job, 'Completed')
    assert.deepEqual(
      world.runsOf(job).map(({ node }) => node),
      ['QmNode2'],
    )
  })

  scenario('of words without end are kept within bounds', async (world) => {
    const { peer, id, job } = await offered(world)
    peer.say({ type: 'failed', executionId: id, code: 'X', message: 'x'.repeat(16_000) })
    const { State } = await world.reaches(job, 'Failed')
    assert.deepEqual([State.Message?.length, State.Details?.['ErrorCode']], [LIMITS.message, 'X'])
  })

  scenario('of an unknown code are no reason to try again', async (world) => {
    for (const code of ['toString', '__proto__', 'NoSuchCode']) {
      const { peer, id, job } = await offered(world)
      peer.say({ type: 'failed', executionId: id, code, message: 'no' })
      assert.equal(codeOf(await world.reaches(job, 'Failed')), code)
      peer.cut()
      await settle(world)
    }
  })

  scenario('of a heartbeat in the name of another change nothing', async (world) => {
    const peer = await member(world)
    const labelled = (NodeID: string, Labels: Record<string, string>): ComputeMessage => ({
      type: 'heartbeat',
      node: { ...sampleNode(NodeID), Labels },
    })
    peer.send(labelled('QmVictim', { evil: 'yes' }))
    await settle(world)
    assert.deepEqual(world.orchestrator.node('QmPeer').Info.Labels, {})
    peer.send(labelled('QmPeer', { good: 'yes' }))
    await settle(world)
    assert.deepEqual(world.orchestrator.node('QmPeer').Info.Labels, { good: 'yes' })
  })
})

describe('offers and cancellations', () => {
  scenario('nothing is let out that is not on disk', async (world) => {
    const job = await world.reaches(await world.submit(), 'Queued')
    const { disk } = world.host.machine
    disk.weather.full = true
    const peer = await member(world)
    const beat = async () => {
      peer.send({ type: 'heartbeat' })
      await world.clock.advance(1_000)
    }
    for (let second = 0; second < 10; second++) await beat()
    assert.deepEqual([peer.types, peer.closings], [[], []])
    disk.weather.full = false
    while (peer.offers.length === 0 && world.now < 60_000) await beat()
    const [execution] = await world.orchestrator.executions(job.ID)
    assert.deepEqual(peer.offers, [execution?.ID])
  })

  scenario('a job that ends frees everything it had on every node', async (world) => {
    const { peer, state } = await offered(world, 4)
    const [first = '', ...others] = peer.offers
    peer.say(...peer.offers.map(accepted), failed(first))
    await settle(world)
    assert.equal(await state(), 'Failed')
    assert.deepEqual(peer.cancels, others)
    const { ComputeNodeInfo } = world.orchestrator.node('QmPeer').Info
    assert.deepEqual(
      [ComputeNodeInfo.RunningExecutions, ComputeNodeInfo.AvailableCapacity],
      [0, ComputeNodeInfo.MaxCapacity],
    )
  })

  scenario('an offer that is not acknowledged comes again with the next link, and once', async (world) => {
    const { peer, id } = await offered(world)
    const welcome = peer.heard.find(({ type }) => type === 'welcome')
    assert.ok(welcome?.type === 'welcome' && welcome.conversation !== undefined)
    peer.cut()
    await settle(world)
    const back = new Peer(world)
    back.hello({ conversation: { id: welcome.conversation.id, received: { seq: 0, mark: '' } } })
    await settle(world)
    assert.deepEqual(back.offers, [id])
    const parcel = back.heard.find(({ type }) => type === 'parcel')
    assert.ok(parcel?.type === 'parcel')
    back.cut()
    await settle(world)
    const again = new Peer(world)
    again.hello({ conversation: { id: welcome.conversation.id, received: { seq: parcel.seq, mark: parcel.mark } } })
    await settle(world)
    assert.deepEqual([again.types, again.offers], [['welcome'], []])
  })
})
