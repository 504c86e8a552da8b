import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXECUTION_STATES, type Job } from '@bacalhau/models'
import { isBacalhauError } from '../../src/runtime/error.ts'
import { settle } from '../../src/runtime/virtual-clock.ts'
import { World } from './world.ts'

/** Room for exactly one job that asks for nothing. */
const SMALL = { CPU: 0.5, Memory: 512_000_000 }
const stateOf = ({ State }: Job) => State.StateType

describe('a job', () => {
  test('runs to its end, and its history says how', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const submitted = await world.submit({ Say: 'hi' }, { task: { Publisher: { Type: 'shelf' } } })
    const job = await world.reaches(submitted, 'Completed')
    const [execution, ...others] = await world.orchestrator.executions(job.ID)
    assert.ok(execution !== undefined && others.length === 0)
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      'Scheduling: Requested execution on QmNode1',
      'State Update: Running',
      'Execution: Running',
      'Execution: Running Execution',
      'Execution: Publishing Results',
      'Execution: Completed successfully',
      'State Update: Completed',
    ])
    assert.equal(execution.RunOutput?.Stdout, 'hi')
    assert.deepEqual(await world.orchestrator.results(job.ID), [{ Type: 'shelf', Params: { Execution: execution.ID } }])
    // Both sides are done with it.
    await world.until(() => node.compute.held('QmOrchestrator').length === 0)
    assert.deepEqual(node.compute.free(), node.compute.capacity)
    assert.equal((await world.disk.range('job-open', { limit: 9 })).length, 0)
    assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 0)
  })

  test('events carry what clients look for', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit(), 'Completed')
    const events = await world.orchestrator.history(job.ID, 0, 100)
    assert.deepEqual(
      events.map(({ SeqNum }) => SeqNum),
      events.map((_, index) => index + 1),
    )
    const [submitted, requested, running] = events
    assert.deepEqual([submitted?.Type, requested?.Type, running?.Type], ['JobLevel', 'ExecutionLevel', 'JobLevel'])
    assert.deepEqual(requested?.Event.Details, { NodeID: 'QmNode1' })
    assert.deepEqual(running?.Event.Details, { NewState: 'Running' })
    assert.deepEqual(events.at(-1)?.Event.Details, { NewState: 'Completed' })
    assert.equal((await world.orchestrator.history(job.ID, 3, 2)).length, 2)
  })

  test('with a code other than 0 is complete all the same', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ ExitCode: 42 }), 'Completed')
    const [execution] = await world.orchestrator.executions(job.ID)
    assert.equal(execution?.RunOutput?.ExitCode, 42)
  })

  test('of a Count runs once for each partition, spread over the nodes, and each knows which it is', async (t) => {
    const world = await World.create(t)
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.reaches(await world.submit({}, { Count: 6 }), 'Completed')
    const executions = await world.orchestrator.executions(job.ID)
    assert.deepEqual(new Set(executions.map(({ PartitionIndex }) => PartitionIndex)), new Set([0, 1, 2, 3, 4, 5]))
    const environments = [...world.nodes.values()].flatMap(({ executor }) => executor.runs.map(({ env }) => env))
    const indexes = environments.map((env) => Number(env['BACALHAU_PARTITION_INDEX']))
    assert.deepEqual(
      indexes.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    )
    assert.ok(environments.every((env) => env['BACALHAU_PARTITION_COUNT'] === '6'))
    assert.deepEqual(
      [...world.nodes.values()].map(({ executor }) => executor.runs.length),
      [3, 3],
    )
  })

  test('of Count 0 is complete at once, also without a node', async (t) => {
    const world = await World.create(t)
    const job = await world.submit({}, { Count: 0 })
    assert.equal(stateOf(job), 'Completed')
    assert.deepEqual(await world.history(job), ['Submission: Job submitted', 'State Update: Completed'])
  })

  test('is told to those who wait for it, at every change, and to nobody after it has ended', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const signal = new AbortController().signal
    let job = await world.submit({ Hold: true })
    const seen: string[] = []
    while (stateOf(job) !== 'Completed') {
      let told = false
      const next = world.orchestrator.waitForChange(job.ID, job.Revision, signal).finally(() => (told = true))
      // Time goes on until the change comes: files are real here, and take as long as they like.
      while (!told) {
        await world.clock.advance(100)
        if (node.executor.runs.length > 0) node.executor.release()
      }
      const before = job.Revision
      job = await next
      assert.ok(job.Revision > before)
      seen.push(stateOf(job))
    }
    assert.ok(seen.includes('Running'), seen.join())
    assert.equal((await world.orchestrator.waitForChange(job.ID, job.Revision, signal)).Revision, job.Revision)
  })

  test('that somebody no longer waits for costs nothing', async (t) => {
    const world = await World.create(t)
    const job = await world.submit({}, { task: { Timeouts: { QueueTimeout: 60 } } })
    const { Revision } = await world.reaches(job, 'Queued')
    const abort = new AbortController()
    const waiting = world.orchestrator.waitForChange(job.ID, Revision, abort.signal)
    abort.abort(new Error('gone'))
    await assert.rejects(waiting, /gone/)
  })
})

describe('more work than room', () => {
  test('queues and is served in order of priority, then age', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    const first = await world.submit({ Hold: true }, { Name: 'first' })
    await world.begun(node, 1)
    const names = ['second', 'third', 'urgent', 'fourth', 'idle']
    const priority: Record<string, number> = { urgent: 10, idle: -1 }
    for (const Name of names) await world.submit({}, { Name, Priority: priority[Name] ?? 0 })
    const queued = await world.reaches(await world.orchestrator.getJob('third'), 'Queued')
    assert.match(queued.State.Message ?? '', /no room at the moment/)
    node.executor.release()
    for (const name of names) await world.reaches(await world.orchestrator.getJob(name), 'Completed')
    const order = await Promise.all(
      node.executor.runs.map(async ({ jobId }) => (await world.orchestrator.getJob(jobId)).Name),
    )
    assert.deepEqual(order, ['first', 'urgent', 'second', 'third', 'fourth', 'idle'])
    assert.deepEqual((await world.history(await world.orchestrator.getJob('second'))).slice(0, 3), [
      'Submission: Job submitted',
      'Queueing: Queued. the nodes that can run the job have no room at the moment',
      'Scheduling: Requested execution on QmNode1',
    ])
    await world.reaches(first, 'Completed')
  })

  test('a large job that finds no room does not hold up small ones', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 2 } })
    await world.submit({ Hold: true }, { task: { Resources: { CPU: '1' } } })
    const large = await world.submit({}, { task: { Resources: { CPU: '2' } } })
    const small = await world.submit({}, { task: { Resources: { CPU: '0.5' } } })
    await world.reaches(small, 'Completed')
    assert.equal(stateOf(await world.orchestrator.getJob(large.ID)), 'Queued')
    node.executor.release()
    await world.reaches(large, 'Completed')
  })

  test('the partitions of one job share the room as it comes', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 1, Memory: 1_024_000_000 } })
    const job = await world.submit({}, { Count: 25 })
    await world.reaches(job, 'Completed')
    assert.equal(node.executor.runs.length, 25)
    const history = await world.history(job)
    assert.equal(history.filter((event) => event.startsWith('Scheduling: Requested')).length, 25)
    assert.ok(!history.some((event) => event.includes('Queued')), 'a job of which a part runs is not queued')
  })

  test('hundreds of executions drain, none lost, none twice', async (t) => {
    const world = await World.create(t)
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id, capacity: { CPU: 4 } })
    const jobs = await Promise.all(Array.from({ length: 50 }, () => world.submit({}, { Count: 5 })))
    for (const job of jobs) await world.reaches(job, 'Completed')
    const runs = [...world.nodes.values()].flatMap(({ executor }) => executor.runs)
    assert.equal(runs.length, 250)
    assert.equal(new Set(runs.map(({ executionId }) => executionId)).size, 250)
  })
})

describe('a job that no node can run', () => {
  const code = ({ State }: Job) => State.Details?.['ErrorCode']

  test('fails at once where there is no node', async (t) => {
    const world = await World.create(t)
    const job = await world.reaches(await world.submit(), 'Failed')
    assert.deepEqual([code(job), job.State.Message], ['NoNodes', 'no compute node is connected'])
    assert.match(job.State.Details?.['Hint'] ?? '', /bacalhau serve --compute/)
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      'State Update: Failed. no compute node is connected',
    ])
  })

  test('fails at once with the engine that is missing, and on how many nodes', async (t) => {
    const world = await World.create(t)
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const submitted = await world.submit({}, { task: { Engine: { Type: 'Docker' } } })
    const job = await world.reaches(submitted, 'Failed')
    assert.equal(code(job), 'EngineMissing')
    assert.match(job.State.Message ?? '', /2 of 2 .*does not support the engine "Docker", only script/)
  })

  test('fails at once with what it needs and what there is', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    await world.addNode({ id: 'QmNode2', capacity: { CPU: 8 } })
    const job = await world.reaches(await world.submit({}, { task: { Resources: { CPU: '64' } } }), 'Failed')
    assert.equal(code(job), 'NotEnoughResources')
    assert.match(job.State.Message ?? '', /64 cores of CPU \(4 available\).*64 cores of CPU \(8 available\)/)
  })

  test('fails with every reason where they differ', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1', labels: { region: 'us' } })
    await world.addNode({ id: 'QmNode2', labels: { region: 'eu' }, info: { ExecutionEngines: ['wasm'] } })
    const Constraints = [{ Key: 'region', Operator: '=', Values: ['eu'] }]
    const job = await world.reaches(await world.submit({}, { Constraints }), 'Failed')
    assert.equal(code(job), 'NoNodes')
    assert.match(job.State.Message ?? '', /constraint region = eu/)
    assert.match(job.State.Message ?? '', /engine "script", only wasm/)
  })

  test('waits as long as its queue timeout for a node to come', async (t) => {
    const world = await World.create(t)
    const patient = await world.submit({}, { task: { Timeouts: { QueueTimeout: 60 } } })
    const queued = await world.reaches(patient, 'Queued')
    assert.equal(queued.State.Message, 'no compute node is connected')
    await world.clock.advance(30_000)
    await world.addNode({ id: 'QmNode1' })
    await world.reaches(patient, 'Completed')
  })

  test('fails when its queue timeout is over, for the reason of that moment', async (t) => {
    const world = await World.create(t)
    const missing = await world.submit({}, { task: { Timeouts: { QueueTimeout: 60 } } })
    await world.reaches(missing, 'Queued')
    await world.addNode({ id: 'QmNode1', capacity: SMALL, info: { ExecutionEngines: ['wasm'] } })
    await world.clock.advance(59_999)
    assert.equal(stateOf(await world.orchestrator.getJob(missing.ID)), 'Queued')
    await world.clock.advance(1)
    const failed = await world.reaches(missing, 'Failed')
    assert.equal(code(failed), 'EngineMissing')
    assert.match(failed.State.Message ?? '', /waited for a node for 60s.*engine "script", only wasm/)
  })

  test('fails when it found no room within its queue timeout', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const busy = await world.submit({}, { task: { Timeouts: { QueueTimeout: 10 } } })
    const forever = await world.submit()
    await world.clock.advance(10_000)
    const failed = await world.reaches(busy, 'Failed')
    assert.deepEqual([code(failed), stateOf(await world.orchestrator.getJob(forever.ID))], ['TimeOut', 'Queued'])
    assert.match(failed.State.Message ?? '', /10s.*no room/)
  })

  test('of a type that is not there yet, or too large, is refused and not recorded', async (t) => {
    const world = await World.create(t)
    await assert.rejects(
      world.submit({}, { Type: 'service' }),
      (error) => isBacalhauError(error) && error.code === 'NotImplemented',
    )
    await assert.rejects(world.submit({}, { Count: 10_001 }), /Count: 10001/)
    assert.deepEqual((await world.orchestrator.listJobs({})).Items, [])
  })
})

describe('a job that fails', () => {
  test('keeps the first cause and ends its siblings', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: { CPU: 8 } })
    const job = await world.submit(
      { Hold: true, Fail: 'WasmTrap' },
      { Count: 3, task: { Publisher: { Type: 'shelf' } } },
    )
    await world.begun(node, 3)
    node.executor.release(node.executor.runs[1]?.executionId)
    const failed = await world.reaches(job, 'Failed')
    assert.deepEqual(
      [failed.State.Message, failed.State.Details],
      ['failed: WasmTrap', { ErrorCode: 'WasmTrap', IsError: 'true' }],
    )
    const executions = await world.orchestrator.executions(job.ID)
    const states = executions.map(({ ComputeState }) => ComputeState.StateType)
    assert.deepEqual(
      states.toSorted((a, b) => a - b),
      [EXECUTION_STATES.Failed, EXECUTION_STATES.Cancelled, EXECUTION_STATES.Cancelled],
    )
    await world.until(() => node.executor.running === 0 && node.compute.running() === 0)
    // What the failed one wrote was published, what was cancelled was not.
    assert.equal(node.publisher.shelf.size, 1)
    assert.equal((await world.orchestrator.results(job.ID)).length, 1)
    await world.until(() => node.compute.held('QmOrchestrator').length === 0)
    assert.equal((await world.orchestrator.getJob(job.ID)).State.Message, 'failed: WasmTrap')
  })

  test('by its total timeout is ended where it runs', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true }, { task: { Timeouts: { TotalTimeout: 30 } } })
    await world.begun(node, 1)
    await world.clock.advance(29_999)
    assert.equal(node.executor.running, 1)
    await world.clock.advance(1)
    const failed = await world.reaches(job, 'Failed')
    assert.equal(failed.State.Details?.['ErrorCode'], 'ExecutionTimeout')
    await world.until(() => node.executor.running === 0)
  })
})

describe('stopping a job', () => {
  test('while it runs: at once in the record, then on the node', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true })
    await world.begun(node, 1)
    await world.clock.advance(100)
    await world.reaches(job, 'Running')
    const stopped = await world.orchestrator.stopJob(job.ID, 'enough')
    assert.deepEqual([stateOf(stopped), stopped.State.Message], ['Stopped', 'enough'])
    await world.until(() => node.executor.running === 0 && node.compute.held('QmOrchestrator').length === 0)
    assert.deepEqual((await world.history(job)).slice(-3), [
      'Scheduling: Job requested to stop before completion',
      'Execution: Execution stop requested because job has been stopped',
      'State Update: Stopped. enough',
    ])
    const again = await world.orchestrator.stopJob(job.ID, 'again')
    assert.deepEqual(again.State, stopped.State)
  })

  test('while it waits: it never runs', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    await world.orchestrator.stopJob(waiting.ID, '')
    const last = await world.submit()
    node.executor.release()
    await world.reaches(last, 'Completed')
    assert.equal(world.runsOf(waiting), 0)
  })

  test('right after it was submitted, before or while it is offered', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    for (let turns = 0; turns < 12; turns++) {
      const job = await world.submit({ Hold: true })
      await settle(turns)
      await world.orchestrator.stopJob(job.ID, '')
      await world.reaches(job, 'Stopped')
    }
    await world.until(() => node.compute.running() === 0 && node.compute.held('QmOrchestrator').length === 0)
    assert.deepEqual(node.compute.free(), node.compute.capacity)
    assert.equal(world.orchestrator.node('QmNode1').Info.ComputeNodeInfo.RunningExecutions, 0)
  })

  test('while its results are published: they are not', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    node.publisher.fault = { hang: true }
    const job = await world.submit({}, { task: { Publisher: { Type: 'shelf' } } })
    await world.until(async () => (await world.history(job)).length > 0 && node.compute.running() === 1)
    await world.clock.advance(100)
    await world.orchestrator.stopJob(job.ID, '')
    await world.until(() => node.compute.running() === 0)
    assert.equal(node.publisher.shelf.size, 0)
  })

  test('that has ended is a conflict; that is not there is not found', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit(), 'Completed')
    await assert.rejects(world.orchestrator.stopJob(job.ID, ''), /cannot stop job in state Completed/)
    await assert.rejects(world.orchestrator.stopJob('j-nothing', ''), /job not found: j-nothing/)
  })

  test('a job that bears the id of another as its name does not get in the way', async (t) => {
    const world = await World.create(t)
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.submit({ Hold: true }, { Namespace: 'mine' })
    const impostor = await world.submit({ Hold: true }, { Name: job.ID })
    await world.begun(node, 2)
    const stopped = await world.orchestrator.stopJob(job.ID, '', 'mine')
    assert.equal(stopped.ID, job.ID)
    assert.notEqual(stateOf(await world.orchestrator.getJob(impostor.ID, 'mine')), 'Stopped')
  })
})

describe('the log of a job', () => {
  const signal = new AbortController().signal
  const text = async (chunks: AsyncIterable<{ readonly bytes: Uint8Array }>) =>
    Buffer.concat((await Array.fromAsync(chunks)).map(({ bytes }) => bytes)).toString()

  test('is followed from before the job has a node to its end', async (t) => {
    const world = await World.create(t)
    const job = await world.submit({ Say: 'early', Hold: true }, { task: { Timeouts: { QueueTimeout: 60 } } })
    const following = text(world.orchestrator.logs(job.ID, { follow: true }, signal))
    await world.reaches(job, 'Queued')
    const node = await world.addNode({ id: 'QmNode1' })
    await world.begun(node, 1)
    await world.clock.advance(100)
    node.executor.release()
    assert.equal(await following, 'early')
  })

  test('of a job that ends without a run says so', async (t) => {
    const world = await World.create(t)
    const job = await world.submit()
    const following = text(world.orchestrator.logs(job.ID, { follow: true }, signal))
    await assert.rejects(following, /no executions found for job/)
  })

  test('of one execution, by its id or the beginning of it', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'x' }, { Count: 2 }), 'Completed')
    const [execution] = await world.orchestrator.executions(job.ID)
    const executionId = execution?.ID.slice(0, 12) ?? ''
    assert.equal(await text(world.orchestrator.logs(job.ID, { executionId }, signal)), 'x')
    await assert.rejects(
      text(world.orchestrator.logs(job.ID, { executionId: 'e-none' }, signal)),
      /unable to find execution e-none/,
    )
  })

  test('of a failed execution is still there', async (t) => {
    const world = await World.create(t)
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'last words', Fail: 'WasmTrap' }), 'Failed')
    assert.equal(await text(world.orchestrator.logs(job.ID, {}, signal)), 'last words')
  })
})
