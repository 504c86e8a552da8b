import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { Job } from '@bacalhau/models'
import { LIMITS } from '../../../src/runtime/limits.ts'
import type { World } from '../world/world.ts'
import { codeOf, look, running, scenario, SMALL, stateOf } from './scene.ts'

/** A node with room for one job, which holds it. */
async function occupied(world: World) {
  const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
  const first = await world.submit({ Hold: true }, { Name: 'first' })
  await world.begun(node, 1)
  await world.clock.advance(100)
  return { node, first }
}

const cores = (CPU: string) => ({ task: { Resources: { CPU, Memory: '1mb' } } })
/** Names of the jobs that were run, in their order. */
const order = async (world: World): Promise<string[]> =>
  Promise.all(world.ledger.begun.map(async ({ jobId }) => (await world.orchestrator.getJob(jobId)).Name))

describe('more work than room', () => {
  scenario('queues and is served in order of priority, then age', async (world) => {
    const { node, first } = await occupied(world)
    const names = ['second', 'third', 'urgent', 'fourth', 'idle']
    const priority: Record<string, number> = { urgent: 10, idle: -1 }
    const jobs: Job[] = []
    // A run of a second each: none of them is short, so none is sent ahead.
    for (const Name of names) {
      jobs.push(await world.submit({ Milliseconds: 1_000 }, { Name, Priority: priority[Name] ?? 0 }))
    }
    for (const job of jobs) await world.reaches(job, 'Queued')
    node.runner.release()
    for (const job of [first, ...jobs]) await world.reaches(job, 'Completed')
    assert.deepEqual(await order(world), ['first', 'urgent', 'second', 'third', 'fourth', 'idle'])
    const second = await world.orchestrator.getJob('second')
    assert.deepEqual((await world.history(second)).slice(0, 3), [
      'Submission: Job submitted',
      'Queueing: Queued. 1 node matches; it lacks 0.5 cores of CPU and 512 MB of memory',
      'Scheduling: Requested execution on QmNode1',
    ])
  })

  scenario('a change of the priority of a job that waits moves it in the line', async (world) => {
    const { node } = await occupied(world)
    for (const Name of ['second', 'third']) await world.submit({ Milliseconds: 1_000 }, { Name })
    const third = await world.submit({ Milliseconds: 1_000 }, { Name: 'third', Priority: 1 })
    node.runner.release()
    await world.reaches(await world.orchestrator.getJob('second'), 'Completed')
    await world.reaches(third, 'Completed')
    assert.deepEqual(await order(world), ['first', 'third', 'second'])
  })

  scenario('a large job that finds no room does not hold up small ones', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 2 } })
    await world.submit({ Hold: true }, cores('1'))
    const large = await world.submit({}, cores('2'))
    await world.reaches(await world.submit({}, cores('0.5')), 'Completed')
    assert.equal(stateOf(await look(world, large)), 'Queued')
    node.runner.release()
    await world.reaches(large, 'Completed')
  })

  scenario('a large job that has waited for long has a node kept free', async (world) => {
    await world.addNode({ id: 'QmNode1', capacity: { CPU: 2 } })
    const small = () => world.submit({ Milliseconds: 3_000 }, cores('1'))
    // Small ones come all the time, and there is never room for two of them at once.
    for (let round = 0; round < 2; round++) {
      await small()
      await world.clock.advance(1_500)
    }
    const large = await world.submit({ Milliseconds: 1_000 }, cores('2'))
    const submitted = world.now
    const late: Job[] = []
    for (let round = 0; stateOf(await look(world, large)) !== 'Completed'; round++) {
      assert.ok(world.now - submitted < 2 * LIMITS.keepNodeAfter + 10_000, 'the large job is starved')
      late.push(await small())
      await world.clock.advance(1_500)
    }
    assert.ok(world.now - submitted > LIMITS.keepNodeAfter, 'it would have had room anyway')
    for (const job of late) await world.reaches(job, 'Completed')
  })

  scenario('the partitions of one job share the room as it comes', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1, Memory: 1_024_000_000 } })
    const job = await world.reaches(await world.submit({ Milliseconds: 20 }, { Count: 25 }), 'Completed')
    assert.equal(world.runsAt(node.id).length, 25)
    assert.ok(!(await world.history(job)).some((event) => event.includes('Queued')), 'a part of it always ran')
  })

  scenario('hundreds of executions drain, none lost, none twice', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const jobs = await Promise.all(
      Array.from({ length: 50 }, (_, index) => world.submit({ Milliseconds: index }, { Count: 5 })),
    )
    for (const job of jobs) await world.reaches(job, 'Completed')
    assert.equal(world.ledger.begun.length, 250)
    assert.equal(new Set(world.ledger.begun.map(({ executionId }) => executionId)).size, 250)
  })

  scenario('short work is sent ahead of the room there is, long work never', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    const most = async (job: Job) => {
      let waiting = 0
      for (; stateOf(await look(world, job)) !== 'Completed'; await world.clock.advance(50)) {
        waiting = Math.max(waiting, node.compute.waiting())
      }
      return waiting
    }
    assert.equal(await most(await world.submit({ Milliseconds: 200 }, { Count: 20 })), 0)
    const ahead = await most(await world.submit({ Milliseconds: 5 }, { Count: 400 }))
    assert.ok(ahead > 0 && ahead <= LIMITS.queuedExecutions, `${ahead} sent ahead`)
  })
})

describe('a job that waits', () => {
  const message = async (world: World, job: Job) => (await look(world, job)).State.Message

  scenario('says why: no node, a node that is away, no room, a node kept free', async (world) => {
    const job = await world.reaches(await world.submit({}, cores('2')), 'Queued')
    assert.equal(await message(world, job), 'no compute node is connected')
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 2 } })
    await world.reaches(job, 'Completed')
    await world.submit({ Hold: true }, cores('1'))
    await world.begun(node, 2)
    const waiting = await world.reaches(await world.submit({}, cores('2')), 'Queued')
    assert.equal(await message(world, waiting), '1 node matches; it lacks 2 cores of CPU')
    await world.addNode({ id: 'QmNode2', capacity: { CPU: 1 } })
    assert.equal(await message(world, waiting), '1 node matches; it lacks 2 cores of CPU')
    const other = await world.addNode({ id: 'QmNode3', capacity: { CPU: 2 } }, { start: false })
    assert.equal(stateOf(await look(world, waiting)), 'Queued')
    node.machine.die()
    await world.clock.advance(100)
    assert.equal(await message(world, waiting), '1 node matches; it is away at the moment')
    await world.outcome(other.boot())
    await world.reaches(waiting, 'Completed')
  })

  scenario('says for which reasons which nodes do not have it', async (world) => {
    const info = { ExecutionEngines: ['wasm'] }
    await world.addNode({ id: 'QmNode1', labels: { region: 'us' } })
    await world.addNode({ id: 'QmNode2', labels: { region: 'eu' }, info })
    const Constraints = [{ Key: 'region', Operator: '=', Values: ['eu'] }]
    const patient = { Constraints, task: { Timeouts: { QueueTimeout: 600 } } }
    const { State } = await world.reaches(await world.submit({}, patient), 'Queued')
    assert.match(State.Message ?? '', /^no node can run the job: 1 of 2 does not match the constraint region = eu; /)
    assert.match(State.Message ?? '', /; 1 of 2 does not support the engine "script", only wasm$/)
  })

  scenario('as a task array says how far it is, and why the rest waits', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1, Memory: 8e9 } })
    const job = await world.submit({ Hold: true }, { Count: 5 })
    await world.begun(node, 2)
    await world.clock.advance(100)
    const lacks = '1 node matches; it lacks 0.5 cores of CPU'
    assert.equal(await message(world, job), `0 of 5 done, 2 placed, 3 waiting (${lacks})`)
    node.runner.release(world.runsOf(job)[0]?.executionId)
    await world.begun(node, 3)
    await world.clock.advance(100)
    assert.equal(await message(world, job), `1 of 5 done, 2 placed, 2 waiting (${lacks})`)
    node.block({ left: true, right: true })
    await world.clock.advance(LIMITS.linkSilence + LIMITS.linkGrace + 1_000)
    const { State } = await look(world, job)
    assert.deepEqual([State.StateType, State.Message], ['Queued', '1 node matches; it is away at the moment'])
    const listed = (await world.orchestrator.listJobs({})).Items.map((job) => job.State.Message)
    assert.deepEqual(listed, [State.Message])
    node.block({})
    node.runner.release()
    assert.equal((await world.reaches(job, 'Completed')).State.Message, undefined)
  })

  scenario('for the first node of all waits as long as it takes', async (world) => {
    const job = await world.reaches(await world.submit(), 'Queued')
    await world.clock.advance(3_600_000)
    assert.equal(stateOf(await look(world, job)), 'Queued')
    await world.addNode({ id: 'QmNode1' })
    await world.reaches(job, 'Completed')
  })

  scenario('goes on waiting while its node is away, however long, and runs when it is back', async (world) => {
    const { node, first } = await occupied(world)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    node.crash()
    await world.clock.advance(10 * LIMITS.nodeMemory)
    assert.equal(stateOf(await look(world, waiting)), 'Queued')
    await world.outcome(node.boot())
    node.runner.release()
    for (const job of [waiting, first]) await world.reaches(job, 'Completed')
  })

  scenario('runs as soon as a node says that it can run it now', async (world) => {
    const options = { id: 'QmNode1', info: { ExecutionEngines: ['other'] } }
    const node = await world.addNode(options)
    const { State, ID } = await world.reaches(
      await world.submit({}, { task: { Timeouts: { QueueTimeout: 600 } } }),
      'Queued',
    )
    assert.match(State.Message ?? '', /only other/)
    options.info.ExecutionEngines = ['script']
    node.refresh()
    await world.reaches({ ID }, 'Completed')
  })
})

describe('a job that no node can run', () => {
  scenario('fails at once with the engine that is missing, and on how many nodes', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.reaches(
      await world.submit({}, { task: { Engine: { Type: 'Docker', Params: { Image: 'x' } } } }),
      'Failed',
    )
    assert.equal(codeOf(job), 'EngineMissing')
    assert.match(job.State.Message ?? '', /2 of 2 .*does not support the engine "Docker", only script/)
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      `State Update: Failed. ${job.State.Message}`,
    ])
  })

  scenario('fails at once with what it needs and what there is', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    await world.addNode({ id: 'QmNode2', capacity: { CPU: 8 } })
    const job = await world.reaches(await world.submit({}, cores('64')), 'Failed')
    assert.equal(codeOf(job), 'NotEnoughResources')
    assert.match(job.State.Message ?? '', /64 cores of CPU \(4 available\).*64 cores of CPU \(8 available\)/)
    assert.match(job.State.Details?.['Hint'] ?? '', /add a larger node/)
  })

  scenario('fails at once also while a node that could not run it either is away', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const away = await world.addNode({ id: 'QmNode2', capacity: { CPU: 8 } })
    away.crash()
    await world.clock.advance(100)
    const waiting = await world.reaches(await world.submit({}, cores('6')), 'Queued')
    assert.equal(waiting.State.Message, '1 node matches; it is away at the moment')
    assert.equal(codeOf(await world.reaches(await world.submit({}, cores('9')), 'Failed')), 'NotEnoughResources')
  })

  scenario('fails at once for no node that comes or goes later', async (world) => {
    const job = await world.reaches(await world.submit({}, cores('64')), 'Queued')
    await world.addNode({ id: 'QmNode1' })
    await world.clock.advance(60_000)
    const { State } = await look(world, job)
    assert.equal(State.StateType, 'Queued')
    assert.match(State.Message ?? '', /no node can run the job: 1 of 1 is too small for 64 cores of CPU/)
    await world.addNode({ id: 'QmNode2', capacity: { CPU: 64 } })
    await world.reaches(job, 'Completed')
  })
})

describe('a queue timeout', () => {
  const within = (QueueTimeout: number) => ({ task: { Timeouts: { QueueTimeout } } })

  scenario('lets a job wait even for a node that could run it', async (world) => {
    await world.addNode({ id: 'QmNode1', info: { ExecutionEngines: ['wasm'] } })
    const job = await world.reaches(await world.submit({}, within(60)), 'Queued')
    await world.clock.advance(30_000)
    await world.addNode({ id: 'QmNode2' })
    await world.reaches(job, 'Completed')
  })

  scenario('that is over fails the job, for the reason it waited', async (world) => {
    const { first } = await occupied(world)
    const [busy, forever] = [await world.submit({}, within(10)), await world.submit()]
    await world.clock.advance(9_500)
    assert.equal(stateOf(await look(world, busy)), 'Queued')
    await world.clock.advance(500)
    const failed = await world.reaches(busy, 'Failed')
    assert.equal(codeOf(failed), 'TimeOut')
    assert.match(failed.State.Message ?? '', /waited for a node for 10s.*lacks 0\.5 cores of CPU/)
    assert.deepEqual([stateOf(await look(world, forever)), stateOf(await look(world, first))], ['Queued', 'Running'])
  })

  scenario('counts the time to the first run only', async (world) => {
    const { node, job } = await running(world, { Hold: true }, within(10))
    await world.clock.advance(60_000)
    node.runner.release()
    await world.reaches(job, 'Completed')
  })
})

describe('a node that takes its offers and does not answer', () => {
  const JOBS = 38
  const Env = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`LARGE_${index}`, 'x'.repeat(100_000)]))
  const large = { task: { Env, Resources: { CPU: '0.01', Memory: '1' } } }

  for (const Type of ['batch', 'ops'] as const) {
    scenario(`is not sent more than it may leave unanswered, and the rest when it answers: ${Type}`, async (world) => {
      const node = await world.addNode({ id: 'QmNode1' })
      node.leave()
      for (let count = 0; count < JOBS; count++) await world.submit({ Hold: true }, { Type, ...large })
      node.machine.disk.weather.full = true
      node.comeBack()
      await world.clock.advance(20_000)
      const rows = await world.host.machine.disk.rows('link-out', 'o/QmNode1/')
      const bytes = rows.reduce((sum, { value }) => sum + (value as { readonly bytes: number }).bytes, 0)
      assert.ok(bytes > LIMITS.unansweredOffers / 2, `${bytes} bytes`)
      assert.ok(bytes < LIMITS.unansweredOffers + 2_000_000, `${bytes} bytes`)
      node.machine.disk.weather.full = false
      await world.begun(node, JOBS)
    })
  }
})
