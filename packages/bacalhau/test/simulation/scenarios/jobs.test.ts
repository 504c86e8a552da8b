import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { isBacalhauError } from '../../../src/runtime/error.ts'
import { atRest, codeOf, look, running, scenario, SMALL, stateOf, stateOfRun } from './scene.ts'

const signal = new AbortController().signal
const SHELF = { Publisher: { Type: 'shelf' } }

describe('a job', () => {
  scenario('runs to its end, and its history says how', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'hi', Milliseconds: 50 }, { task: SHELF }), 'Completed')
    const [execution, ...others] = await world.orchestrator.executions(job.ID)
    assert.ok(execution !== undefined && others.length === 0)
    assert.deepEqual(await world.history(job), [
      'Submission: Job submitted',
      'Scheduling: Requested execution on QmNode1',
      'Execution: Running',
      'State Update: Running',
      'Execution: Running Execution',
      'Execution: Completed successfully',
      'State Update: Completed',
    ])
    assert.equal(execution.RunOutput?.Stdout, 'hi')
    assert.deepEqual(await world.orchestrator.results(job.ID), [{ Type: 'shelf', Params: { Execution: execution.ID } }])
    await atRest(world, node)
    assert.deepEqual(node.compute.free(), node.compute.capacity)
    assert.equal((await world.host.machine.disk.rows('job-open')).length, 0)
  })

  scenario('that takes a while to publish is shown while it does', async (world) => {
    const { job } = await running(world, { Publish: 5_000 }, { task: SHELF })
    assert.deepEqual((await world.orchestrator.executions(job.ID)).map(stateOfRun), [EXECUTION_STATES.Publishing])
    await world.reaches(job, 'Completed')
  })

  scenario('has events with what clients look for, numbered without a gap', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit(), 'Completed')
    const events = await world.orchestrator.history(job.ID, 0, 100)
    const numbers = events.map(({ SeqNum }) => SeqNum)
    assert.deepEqual(
      numbers,
      [...numbers.keys()].map((index) => index + 1),
    )
    const [submitted, requested] = events
    assert.deepEqual([submitted?.Type, requested?.Type], ['JobLevel', 'ExecutionLevel'])
    assert.equal(requested?.Event.Details?.['NodeID'], 'QmNode1')
    assert.equal(events.at(-1)?.Event.Details?.['NewState'], 'Completed')
    assert.deepEqual(
      (await world.orchestrator.history(job.ID, 3, 2)).map(({ SeqNum }) => SeqNum),
      [4, 5].filter((number) => number <= events.length),
    )
  })

  scenario('with a code other than 0 is complete all the same', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ ExitCode: 42 }), 'Completed')
    const [execution] = await world.orchestrator.executions(job.ID)
    assert.equal(execution?.RunOutput?.ExitCode, 42)
  })

  scenario('of a Count runs once for each partition, spread over the nodes', async (world) => {
    for (const id of ['QmNode1', 'QmNode2']) await world.addNode({ id })
    const job = await world.reaches(await world.submit({ Milliseconds: 100 }, { Count: 6 }), 'Completed')
    const runs = world.runsOf(job)
    assert.deepEqual(
      runs.map(({ partition }) => partition).toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    )
    assert.deepEqual([world.runsAt('QmNode1').length, world.runsAt('QmNode2').length], [3, 3])
    const shown = (await world.orchestrator.executions(job.ID)).map(({ PartitionIndex }) => PartitionIndex)
    assert.deepEqual(new Set(shown), new Set([0, 1, 2, 3, 4, 5]))
  })

  scenario('of Count 0 is complete at once, also without a node', async (world) => {
    const job = await world.submit({}, { Count: 0 })
    assert.equal(stateOf(job), 'Completed')
    assert.deepEqual(await world.history(job), ['Submission: Job submitted', 'State Update: Completed'])
  })

  scenario('keeps up to its bounds what its owner has written', async (world) => {
    const Meta = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key ${index}`, 'x']))
    const job = await world.submit({}, { Meta, Labels: Meta })
    assert.equal(Object.keys((await look(world, job)).Meta).length, 1_001)
  })
})

describe('waiting for a change of a job', () => {
  scenario('ends at every change, and at once when the job has ended', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    let job = await world.submit({ Milliseconds: 500 })
    const seen: string[] = []
    while (stateOf(job) !== 'Completed') {
      const before = job.Revision
      job = await world.outcome(world.orchestrator.waitForChange(job.ID, before, signal))
      assert.ok(job.Revision > before)
      seen.push(stateOf(job))
    }
    assert.deepEqual(seen, ['Running', 'Completed'])
    assert.equal((await world.orchestrator.waitForChange(job.ID, job.Revision, signal)).Revision, job.Revision)
  })

  scenario('can be given up', async (world) => {
    const { ID, Revision } = await world.reaches(await world.submit(), 'Queued')
    const abort = new AbortController()
    const waiting = world.orchestrator.waitForChange(ID, Revision, abort.signal)
    abort.abort(new Error('gone'))
    await assert.rejects(waiting, /gone/)
  })
})

describe('stopping a job', () => {
  scenario('while it runs: at once in the record, then on the node', async (world) => {
    const { node, job } = await running(world)
    const stopped = await world.outcome(world.orchestrator.stopJob(job.ID, 'enough'))
    assert.deepEqual([stateOf(stopped), stopped.State.Message], ['Stopped', 'enough'])
    await atRest(world, node)
    assert.equal(world.ledger.running(node.id), 0)
    assert.deepEqual((await world.history(job)).slice(-3), [
      'Scheduling: Job requested to stop before completion',
      'Execution: Execution stop requested because job has been stopped',
      'State Update: Stopped. enough',
    ])
    const again = await world.outcome(world.orchestrator.stopJob(job.ID, 'again'))
    assert.deepEqual(again, stopped)
  })

  scenario('while it waits: it never runs', async (world) => {
    const node = await world.addNode({ id: 'QmNode1', capacity: SMALL })
    await world.submit({ Hold: true })
    await world.begun(node, 1)
    const waiting = await world.reaches(await world.submit(), 'Queued')
    await world.outcome(world.orchestrator.stopJob(waiting.ID, ''))
    const last = await world.submit()
    node.runner.release()
    await world.reaches(last, 'Completed')
    assert.deepEqual(world.runsOf(waiting), [])
  })

  scenario('at any step between its submission and its run', async (world) => {
    const node = await world.addNode({ id: 'QmNode1' })
    node.weather.latency = [1, 1]
    world.host.machine.disk.weather.slowness = [1, 1]
    node.machine.disk.weather.slowness = [1, 1]
    let begun = 0
    for (let step = 0; step < 16; step++) {
      const job = await world.submit({ Hold: true })
      await world.clock.advance(step * 0.5)
      await world.outcome(world.orchestrator.stopJob(job.ID, ''))
      assert.equal(stateOf(await look(world, job)), 'Stopped')
      await atRest(world, node)
      assert.equal(stateOf(await look(world, job)), 'Stopped')
      begun += world.runsOf(job).length
    }
    assert.ok(begun > 0 && begun < 16, `${begun} of 16 had been begun`)
    assert.deepEqual(node.compute.free(), node.compute.capacity)
  })

  scenario('while its results are published: they are not', async (world) => {
    const { node, job } = await running(world, { Publish: 60_000 }, { task: SHELF })
    await world.outcome(world.orchestrator.stopJob(job.ID, ''))
    await atRest(world, node)
    assert.deepEqual(await world.orchestrator.results(job.ID), [])
  })

  scenario('that completes at this very moment: a result after the end is not accepted', async (world) => {
    const { node, job } = await running(world)
    node.block({ left: true })
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    await world.outcome(world.orchestrator.stopJob(job.ID, 'too late'))
    node.block({})
    await atRest(world, node)
    assert.equal(stateOf(await look(world, job)), 'Stopped')
    assert.deepEqual((await world.orchestrator.executions(job.ID)).map(stateOfRun), [EXECUTION_STATES.Cancelled])
    assert.ok(!(await world.history(job)).includes('Execution: Completed successfully'))
  })

  scenario('that has ended is a conflict; that is not there is not found', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit(), 'Completed')
    await assert.rejects(world.outcome(world.orchestrator.stopJob(job.ID, '')), /cannot stop job in state Completed/)
    await assert.rejects(world.outcome(world.orchestrator.stopJob('j-nothing', '')), /job not found: j-nothing/)
  })

  scenario('a job that bears the id of another as its name does not get in the way', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { Namespace: 'mine' })
    const impostor = await world.submit({ Hold: true }, { Name: job.ID })
    await world.begun(node, 2)
    const stopped = await world.outcome(world.orchestrator.stopJob(job.ID, '', 'mine'))
    assert.equal(stopped.ID, job.ID)
    assert.notEqual(stateOf(await look(world, impostor)), 'Stopped')
  })

  scenario('by its total timeout ends it where it runs', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { task: { Timeouts: { TotalTimeout: 30 } } })
    await world.clock.advance(29_000)
    assert.equal(stateOf(await look(world, job)), 'Running')
    await world.clock.advance(1_000)
    assert.equal(codeOf(await world.reaches(job, 'Failed')), 'ExecutionTimeout')
    await atRest(world, node)
  })
})

describe('submitting a name again', () => {
  const conflict = (message: RegExp) => (error: unknown) =>
    isBacalhauError(error) && error.code === 'Conflict' && message.test(error.message)

  scenario('makes it the next version: the old one is ended and kept', async (world) => {
    const { node, job } = await running(world, { Hold: true }, { Name: 'report' })
    const changed = await world.submit({ Say: 'new' }, { Name: 'report', Priority: 3 })
    assert.deepEqual([changed.ID, changed.Version, changed.Priority], [job.ID, 2, 3])
    await world.reaches(changed, 'Completed')
    await atRest(world, node)
    const versions = await world.orchestrator.versions(job.ID)
    assert.deepEqual(
      versions.map(({ Version, Priority }) => [Version, Priority]),
      [
        [1, 0],
        [2, 3],
      ],
    )
    assert.equal((await world.orchestrator.getJob(job.ID, undefined, 1)).Priority, 0)
    const [run, ...others] = await world.orchestrator.executions(job.ID)
    assert.deepEqual([run?.JobVersion, run?.RunOutput?.Stdout, others.length], [2, 'new', 0])
    assert.ok((await world.history(job)).includes('Submission: Job updated'))
  })

  scenario('without a change is a conflict, unless it is forced', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const fields = { Name: 'report', Meta: { who: 'me' } }
    const job = await world.reaches(await world.submit({ Say: 'x' }, fields), 'Completed')
    await assert.rejects(world.submit({ Say: 'x' }, fields), conflict(/no changes detected/))
    assert.equal((await look(world, job)).Version, 1)
    const forced = await world.submit({ Say: 'x' }, fields, { force: true })
    assert.equal(forced.Version, 2)
    await world.reaches(forced, 'Completed')
    assert.equal(world.runsOf(job).length, 2)
  })

  scenario('twice at once: both count, one after the other', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const texts = ['a', 'b', 'c']
    const jobs = await Promise.all(texts.map((Say) => world.submit({ Say }, { Name: 'report' })))
    assert.deepEqual(
      jobs.map(({ Version }) => Version),
      [1, 2, 3],
    )
    assert.equal(new Set(jobs.map(({ ID }) => ID)).size, 1)
    const last = await world.reaches(jobs[2] ?? { ID: '' }, 'Completed')
    assert.equal(last.Version, 3)
    assert.equal((await world.orchestrator.executions(last.ID))[0]?.RunOutput?.Stdout, 'c')
  })

  scenario('a report of the old version that comes late is not taken for the new one', async (world) => {
    const { node, job } = await running(world, { Hold: true, Say: 'old' }, { Name: 'report' })
    node.block({ left: true, right: true })
    node.runner.release()
    await world.until(() => node.compute.running() === 0)
    await world.submit({ Say: 'new' }, { Name: 'report' })
    node.block({})
    await world.reaches(job, 'Completed')
    const [run] = await world.orchestrator.executions(job.ID)
    assert.deepEqual([run?.JobVersion, run?.RunOutput?.Stdout], [2, 'new'])
  })

  scenario('a rerun is the same once more, also of an earlier version', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'first' }, { Name: 'report' }), 'Completed')
    await world.reaches(await world.submit({ Say: 'second' }, { Name: 'report' }), 'Completed')
    const again = async (version?: number) => {
      const renewed = await world.outcome(world.orchestrator.rerun(job.ID, version))
      const { Version } = await world.reaches(renewed, 'Completed')
      const [run] = await world.orchestrator.executions(job.ID)
      return [Version, run?.RunOutput?.Stdout]
    }
    assert.deepEqual(
      [await again(), await again(1)],
      [
        [3, 'second'],
        [4, 'first'],
      ],
    )
    assert.equal(world.runsOf(job).length, 4)
  })

  scenario('a rerun of a job that waits is a conflict', async (world) => {
    const job = await world.reaches(await world.submit(), 'Queued')
    await assert.rejects(world.outcome(world.orchestrator.rerun(job.ID)), conflict(/cannot rerun job in state Queued/))
  })
})

describe('the log of a job', () => {
  const text = async (chunks: AsyncIterable<{ readonly bytes: Uint8Array }>) =>
    Buffer.concat((await Array.fromAsync(chunks)).map(({ bytes }) => bytes)).toString()

  scenario('is followed from before the job has a node to its end', async (world) => {
    const job = await world.submit({ Say: 'early', Milliseconds: 500 })
    const following = text(world.orchestrator.logs(job.ID, { follow: true }, signal))
    await world.reaches(job, 'Queued')
    await world.addNode({ id: 'QmNode1' })
    assert.equal(await world.outcome(following), 'early')
  })

  scenario('of a job that ends without a run says so', async (world) => {
    const job = await world.submit()
    const following = text(world.orchestrator.logs(job.ID, { follow: true }, signal))
    following.catch(() => undefined)
    await world.outcome(world.orchestrator.stopJob(job.ID, ''))
    await assert.rejects(world.outcome(following), /no executions found for job/)
  })

  scenario('of one execution, by its id or the beginning of it', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'x' }, { Count: 2 }), 'Completed')
    const [execution] = await world.orchestrator.executions(job.ID)
    const read = (executionId: string) => world.outcome(text(world.orchestrator.logs(job.ID, { executionId }, signal)))
    assert.equal(await read(execution?.ID.slice(0, 12) ?? ''), 'x')
    await assert.rejects(read('e-none'), /unable to find execution e-none/)
  })

  scenario('of a failed execution is still there', async (world) => {
    await world.addNode({ id: 'QmNode1' })
    const job = await world.reaches(await world.submit({ Say: 'last words', Fail: 'WasmTrap' }), 'Failed')
    assert.equal(await world.outcome(text(world.orchestrator.logs(job.ID, {}, signal))), 'last words')
  })
})
