import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job, ReportMessage } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import { joinNode, startSwarm, type Swarm, type SwarmNode } from './fixtures/swarm.ts'
import { readRuns, requireJob } from './job-records.ts'

const SMALL = { MaxCapacity: { CPU: 0.5, Memory: 1e12, Disk: 0, GPU: 0 } }

const accepted = (executionId: string): ReportMessage => ({ type: 'accepted', executionId })
const running = (executionId: string): ReportMessage => ({ type: 'progress', executionId, state: 6 })
const done = (executionId: string, milliseconds = 1_000): ReportMessage => ({
  type: 'completed',
  executionId,
  output: null,
  result: { Type: '' },
  milliseconds,
})
const refused = (executionId: string, later: boolean): ReportMessage => ({
  type: 'refused',
  executionId,
  reason: 'no',
  later,
})

/** The last execution that was offered to a node. */
const last = (node: SwarmNode): string => node.offered().at(-1) ?? assert.fail(`nothing was offered to ${node.peer}`)

/** The job as it is in the store, and its runs there. */
async function stored({ store, dispatcher }: Swarm, { ID }: Job) {
  await dispatcher.journal.flushed()
  const { job, key } = await requireJob(store, ID)
  const runs = await Array.fromAsync(readRuns(store, key))
  return { ...job.State, runs: runs.map(({ run }) => `${run.node} ${run.state} ${run.message ?? ''}`.trim()) }
}

describe('work flows', () => {
  test('from a job to a node and back, and the next job follows', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA', { node: SMALL })
    const [one, two] = [await swarm.submit(), await swarm.submit()]
    assert.equal(node.offered().length, 1)
    assert.deepEqual(
      [(await stored(swarm, two)).StateType, (await stored(swarm, two)).Message],
      ['Queued', '1 node matches; it lacks 0.5 cores of CPU'],
    )
    await node.say(accepted(last(node)))
    await node.say(done(last(node)))
    assert.equal((await stored(swarm, one)).StateType, 'Completed')
    assert.equal(node.offered().length, 2)
    await node.say(done(last(node)))
    assert.equal((await stored(swarm, two)).StateType, 'Completed')
  })

  test('to the first node that comes, and with it why a job waits', async () => {
    const swarm = await startSwarm()
    const job = await swarm.submit()
    const open = swarm.dispatcher.jobs.get(job.ID)
    assert.ok(open !== undefined)
    assert.equal(swarm.dispatcher.reason(open), 'no compute node is connected')
    const node = await joinNode(swarm, 'QmA')
    assert.deepEqual([node.offered().length, swarm.dispatcher.reason(open)], [1, undefined])
  })

  test('not to a node that could never run it: the job fails at once, and says why', async () => {
    const swarm = await startSwarm()
    await joinNode(swarm, 'QmA', { node: { ExecutionEngines: ['other'] } })
    const { StateType, Message, Details } = await stored(swarm, await swarm.submit())
    assert.deepEqual([StateType, Details?.['ErrorCode']], ['Failed', 'EngineMissing'])
    assert.match(Message ?? '', /does not support the engine "script"/)
  })

  test('to a node that has changed', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA', { node: { ExecutionEngines: [] } })
    await swarm.submit({}, { Timeouts: { QueueTimeout: 100 } })
    assert.equal(node.offered().length, 0)
    await node.describe({})
    assert.equal(node.offered().length, 1)
  })

  test('ahead of the room there is, once it is known to be short', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA', { node: SMALL })
    await swarm.submit({ Count: 40 })
    for (let run = 0; run < 8; run++) {
      assert.equal(node.offered().length, run + 1)
      await node.say(done(last(node), 1))
    }
    assert.equal(node.offered().length, 40)
  })
})

describe('a refusal', () => {
  test('for good sends the job elsewhere; by all it fails the job', async () => {
    const swarm = await startSwarm()
    const nodes = [await joinNode(swarm, 'QmA'), await joinNode(swarm, 'QmB')]
    const job = await swarm.submit()
    const first = nodes.find((node) => node.offered().length > 0) ?? assert.fail()
    const second = nodes.find((node) => node !== first) ?? assert.fail()
    await first.say(refused(last(first), false))
    assert.deepEqual([first.offered().length, second.offered().length], [1, 1])
    await second.say(refused(last(second), false))
    const { StateType, Message } = await stored(swarm, job)
    assert.equal(StateType, 'Failed')
    assert.match(Message ?? '', /2 of 2 refused: no/)
  })

  test('for want of room pauses the node, for jobs like this one alone', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    await node.say(refused(last(node), true))
    assert.equal((await stored(swarm, job)).Message, '1 node matches; it has refused it for want of room')
    await swarm.submit({}, { Resources: { CPU: '1' } })
    assert.equal(node.offered().length, 2)
    await swarm.clock.advance(LIMITS.refusalPause)
    assert.equal(node.offered().length, 3)
  })

  test('is forgotten when the node comes back as another', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    await swarm.submit({}, { Timeouts: { QueueTimeout: 1_000 } })
    await node.say(refused(last(node), false))
    await node.cut()
    await node.link()
    assert.equal(node.offered().length, 1)
    await node.cut()
    await node.describe({ StorageSources: ['note', 'more'] })
    await node.link()
    assert.equal(node.offered().length, 2)
  })
})

describe('after a conversation has begun anew', () => {
  /** What the orchestrator had last heard of the run, what the node says it has, and what follows. */
  const table: {
    readonly heard: readonly ((id: string) => ReportMessage)[]
    readonly state: number | undefined
    readonly runs: readonly string[]
    readonly offers: number
  }[] = [
    // Both know it: it goes on.
    { heard: [accepted], state: 5, runs: ['QmA 5 Running'], offers: 0 },
    { heard: [accepted, running], state: 6, runs: ['QmA 6 Running Execution'], offers: 0 },
    // The offer had arrived, its answer had not.
    { heard: [], state: 5, runs: ['QmA 5 Running'], offers: 0 },
    // It has come further than it was heard to say.
    { heard: [], state: 6, runs: ['QmA 6 Running Execution'], offers: 0 },
    { heard: [accepted], state: 7, runs: ['QmA 7 Publishing Results'], offers: 0 },
    // The offer had not arrived: it is made once more, and nothing is held against anybody.
    {
      heard: [],
      state: undefined,
      runs: ['QmA 11 the node does not know the execution (any more)', 'QmA 1'],
      offers: 1,
    },
    // The node has forgotten what it had: lost, and run again.
    {
      heard: [accepted],
      state: undefined,
      runs: ['QmA 10 the node does not know the execution (any more)', 'QmA 1'],
      offers: 1,
    },
    // It has ended there: the report follows.
    { heard: [accepted], state: 9, runs: ['QmA 5 Running'], offers: 0 },
  ]
  for (const { heard, state, runs, offers } of table) {
    const said = heard.length === 0 ? 'unanswered' : `reported ${heard.length} times`
    test(`a run that was ${said} and is at the node in state ${state ?? 'unknown'}`, async () => {
      const swarm = await startSwarm()
      const before = await joinNode(swarm, 'QmA')
      const job = await swarm.submit()
      const executionId = last(before)
      for (const report of heard) await before.say(report(executionId))
      await before.cut()
      const held = state === undefined ? [] : [{ executionId, state }]
      const after = await joinNode(swarm, 'QmA', { generation: 'g-new', held })
      assert.deepEqual((await stored(swarm, job)).runs, runs)
      assert.deepEqual([after.offered().length, swarm.dispatcher.jobs.assignments.load('QmA').runs], [offers, 1])
    })
  }

  test('what only the node knows is cancelled there, unless it has ended', async () => {
    const swarm = await startSwarm()
    const held = [6, 5, 9, 10, 11].map((state) => ({ executionId: `e-${state}`, state }))
    const node = await joinNode(swarm, 'QmA', { held })
    assert.deepEqual(
      node
        .cancelled()
        .map((line) => line.slice(0, 4))
        .toSorted(),
      ['e-5 ', 'e-6 '],
    )
  })
})

describe('a node that is not what it should be', () => {
  test('cannot speak for the executions of another', async () => {
    const swarm = await startSwarm()
    const [one, two] = [await joinNode(swarm, 'QmA'), await joinNode(swarm, 'QmB')]
    const job = await swarm.submit()
    const [holder, liar] = one.offered().length > 0 ? [one, two] : [two, one]
    const id = last(holder)
    for (const lie of [done(id), running(id), refused(id, false)]) await liar.say(lie)
    assert.deepEqual((await stored(swarm, job)).runs, [`${holder.peer} 1`])
    assert.deepEqual(liar.cancelled(), [`${id} the execution is not wanted any more`])
    await holder.say(done(id))
    assert.equal((await stored(swarm, job)).StateType, 'Completed')
  })

  test('is told to end what was never given to it, and only that', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    for (const report of [done('e-x'), refused('e-x', true), accepted('e-y'), running('e-z')]) await node.say(report)
    const reason = 'the execution is not wanted any more'
    assert.deepEqual(node.cancelled(), [`e-y ${reason}`, `e-z ${reason}`])
  })

  test('repeats itself in vain: a result counts once', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    for (let time = 0; time < 2; time++) await node.say(done(last(node)))
    assert.deepEqual((await stored(swarm, job)).runs, ['QmA 9 Completed successfully'])
  })

  test('that does not answer an offer loses it', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    const id = last(node)
    await swarm.clock.advance(LIMITS.offerAnswer - 1)
    assert.deepEqual(node.cancelled(), [])
    await swarm.clock.advance(LIMITS.watch)
    assert.deepEqual(node.cancelled(), [`${id} the node has not answered the offer`])
    const { runs } = await stored(swarm, job)
    assert.equal(runs[0], 'QmA 11 the node has not answered the offer')
  })

  test('that runs an execution for too long loses it', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit({}, { Timeouts: { ExecutionTimeout: 10 } })
    const id = last(node)
    await node.say(running(id))
    await swarm.clock.advance(10_000 + LIMITS.overdue - 1)
    assert.deepEqual(node.cancelled(), [])
    await swarm.clock.advance(LIMITS.watch)
    assert.match(node.cancelled()[0] ?? '', /took longer than 10s/)
    assert.equal((await stored(swarm, job)).Details?.['ErrorCode'], 'ExecutionTimeout')
  })
})

describe('a node that goes', () => {
  test('and is back in time goes on', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    await node.say(accepted(last(node)))
    await node.cut()
    await swarm.clock.advance(LIMITS.linkGrace - 1)
    await node.link()
    await swarm.clock.advance(LIMITS.linkGrace)
    assert.deepEqual((await stored(swarm, job)).runs, ['QmA 5 Running'])
    await node.say(done(last(node)))
    assert.equal((await stored(swarm, job)).StateType, 'Completed')
  })

  test('for longer than the grace of a job loses its runs, to another node', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const [short, long] = [await swarm.submit(), await swarm.submit({}, { Timeouts: { DisconnectGrace: 60 } })]
    await node.cut()
    const other = await joinNode(swarm, 'QmB')
    await swarm.clock.advance(LIMITS.linkGrace - 1)
    assert.equal(other.offered().length, 0)
    await swarm.clock.advance(1)
    const { runs } = await stored(swarm, short)
    assert.deepEqual([runs[0]?.startsWith('QmA 10 the node is gone'), runs[1]], [true, 'QmB 1'])
    assert.deepEqual((await stored(swarm, long)).runs, ['QmA 1'])
    await swarm.clock.advance(60_000 - LIMITS.linkGrace)
    assert.equal((await stored(swarm, long)).runs[1], 'QmB 1')
  })

  test('is waited for by those that only it can run, and for a while shown as away', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    await node.cut()
    const job = await swarm.submit()
    assert.equal((await stored(swarm, job)).Message, '1 node matches; it is away at the moment')
    await swarm.clock.advance(LIMITS.nodeMemory)
    const open = swarm.dispatcher.jobs.get(job.ID) ?? assert.fail()
    assert.equal(swarm.dispatcher.reason(open), 'no compute node is connected')
    await node.link()
    assert.equal(node.offered().length, 1)
  })
})

describe('a job that runs everywhere once', () => {
  test('does not wait for ever for a node that had no room, and has gone', async () => {
    const swarm = await startSwarm()
    const [one, two] = [await joinNode(swarm, 'QmA'), await joinNode(swarm, 'QmB')]
    const job = await swarm.submit({ Type: 'ops' })
    await one.say(done(last(one)))
    await two.say(refused(last(two), true))
    await two.cut()
    await swarm.clock.advance(LIMITS.nodeMemory - 1)
    assert.equal((await stored(swarm, job)).StateType, 'Running')
    await swarm.clock.advance(1)
    assert.equal((await stored(swarm, job)).StateType, 'Completed')
  })
})

describe('an operator', () => {
  test('rejects a node while it runs work: the work goes elsewhere, and nothing of the node counts any more', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    const id = last(node)
    await node.say(accepted(id))
    const other = await joinNode(swarm, 'QmB')
    swarm.dispatcher.decide('QmA', { membership: 'REJECTED', message: 'not you' })
    await swarm.clock.advance(0)
    assert.equal(node.memberships.at(-1), 'REJECTED: not you')
    assert.equal(other.offered().length, 1)
    await node.say(done(id))
    const { runs } = await stored(swarm, job)
    assert.deepEqual(runs, ['QmA 10 Execution stop requested because node has been rejected', 'QmB 1'])
    await other.say(done(last(other)))
    assert.equal((await stored(swarm, job)).StateType, 'Completed')
  })

  test('approves a node that waits, and it gets work at once', async () => {
    const swarm = await startSwarm({ approval: 'manual' })
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    assert.match(node.memberships.join(), /^PENDING/)
    assert.match((await stored(swarm, job)).Message ?? '', /1 node is connected and not approved .*node approve/)
    swarm.dispatcher.decide('QmA', { membership: 'APPROVED', message: 'come in' })
    await swarm.clock.advance(0)
    assert.deepEqual([node.memberships.at(-1), node.offered().length], ['APPROVED: come in', 1])
    await node.cut()
    await node.link()
    assert.equal(node.memberships.at(-1), 'APPROVED: come in')
  })

  test('approves a node that still holds what nobody knows of any more: it is ended there', async () => {
    const swarm = await startSwarm({ approval: 'manual' })
    const node = await joinNode(swarm, 'QmA', { held: [{ executionId: 'e-forgotten', state: 6 }] })
    assert.deepEqual(node.orders, [])
    swarm.dispatcher.decide('QmA', { membership: 'APPROVED', message: '' })
    await swarm.clock.advance(0)
    assert.deepEqual(node.cancelled(), ['e-forgotten the orchestrator does not know the execution'])
    // Once: what it holds was told of the conversation that has begun.
    swarm.dispatcher.decide('QmA', { membership: 'REJECTED', message: '' })
    swarm.dispatcher.decide('QmA', { membership: 'APPROVED', message: '' })
    await swarm.clock.advance(0)
    assert.equal(node.cancelled().length, 1)
  })

  test('deletes a node: what it ran is lost, and it may come anew', async () => {
    const swarm = await startSwarm()
    const node = await joinNode(swarm, 'QmA')
    const job = await swarm.submit()
    swarm.dispatcher.forgetNode('QmA')
    await swarm.clock.advance(0)
    assert.deepEqual(swarm.dispatcher.cluster.states(), [])
    assert.deepEqual((await stored(swarm, job)).runs, ['QmA 10 the node has been deleted'])
    await node.link()
    assert.equal((await stored(swarm, job)).runs.at(-1), 'QmA 1')
  })
})

describe('after a restart of the orchestrator', () => {
  async function restarted(prepare: (swarm: Swarm, node: SwarmNode) => Promise<Job>) {
    const first = await startSwarm()
    const node = await joinNode(first, 'QmA')
    const job = await prepare(first, node)
    await first.dispatcher.stop()
    const swarm = await startSwarm({ store: first.store, clock: first.clock })
    return { swarm, node, job }
  }
  const begin = async (swarm: Swarm, node: SwarmNode): Promise<Job> => {
    const job = await swarm.submit()
    await node.say(accepted(last(node)))
    return job
  }

  test('a run goes on, and its result counts', async () => {
    const { swarm, node, job } = await restarted(begin)
    const again = await joinNode(swarm, 'QmA', { store: node.store })
    await again.say(done(last(node)))
    assert.deepEqual((await stored(swarm, job)).runs, ['QmA 9 Completed successfully'])
  })

  test('a node that does not come back in time has lost its runs', async () => {
    const { swarm, job } = await restarted(begin)
    const other = await joinNode(swarm, 'QmB')
    await swarm.clock.advance(LIMITS.restartGrace - 1)
    assert.equal(other.offered().length, 0)
    await swarm.clock.advance(1)
    assert.equal(other.offered().length, 1)
    assert.equal((await stored(swarm, job)).runs[0], 'QmA 10 the node has not come back')
  })

  test('and a stop right after it nothing is left that would happen', async () => {
    const first = await startSwarm()
    await first.submit({}, { Timeouts: { QueueTimeout: 60 } })
    await first.dispatcher.stop()
    const { dispatcher, clock } = await startSwarm({ store: first.store, clock: first.clock })
    assert.ok(clock.pending > 0)
    await dispatcher.stop()
    assert.equal(clock.pending, 0)
  })

  for (const [when, isBack] of [
    ['in time', true],
    ['too late', false],
  ] as const) {
    test(`an ops job still wants a node that comes back ${when}: ${isBack}`, async () => {
      const first = await startSwarm()
      const [a, b] = [await joinNode(first, 'QmA'), await joinNode(first, 'QmB')]
      const job = await first.submit({ Type: 'ops' })
      await b.say(refused(last(b), true))
      await first.dispatcher.stop()
      const swarm = await startSwarm({ store: first.store, clock: first.clock })
      const again = await joinNode(swarm, 'QmA', { store: a.store })
      await again.say(done(last(a)))
      if (!isBack) await swarm.clock.advance(LIMITS.restartGrace)
      assert.equal((await stored(swarm, job)).StateType, isBack ? 'Running' : 'Completed')
      const late = await joinNode(swarm, 'QmB', { store: b.store })
      assert.equal(late.offered().length, isBack ? 1 : 0)
    })
  }

  test('no job fails for want of a node while the nodes are coming back', async () => {
    const { swarm } = await restarted(begin)
    await joinNode(swarm, 'QmB', { node: { ExecutionEngines: ['other'] } })
    const job = await swarm.submit({ ID: 'j-late' })
    assert.equal((await stored(swarm, job)).StateType, 'Queued')
  })
})
