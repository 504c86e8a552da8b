import assert from 'node:assert/strict'
import { access, mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { sampleJob, sampleOffer, someResources } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { settle } from '../runtime/virtual-clock.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import { listen, openBench, OWNER, scripted, tempFolder } from './fixtures/bench.ts'

const never = () => new AbortController().signal

describe('an execution on a compute node', () => {
  test('is accepted, runs and is reported, and every step is on disk before it is told', async (t) => {
    const { compute, store } = await openBench(t)
    const steps: [string, Promise<unknown>][] = []
    const ear = listen((words) => steps.push([words, store.get('held', 'e-1')]))
    compute.listen(OWNER, ear)
    compute.offer(OWNER, scripted('e-1', { Say: 'hi' }, { Publisher: { Type: 'shelf' } }))
    const report = await ear.report('e-1')
    const held = { executionId: 'e-1', orchestrator: OWNER }
    const onDisk = await Promise.all(steps.map(async ([words, row]) => [words, await row]))
    assert.deepEqual(onDisk, [
      ['accepted e-1', held],
      ['running e-1', held],
      ['publishing e-1', held],
      ['completed e-1', { ...held, report }],
    ])
  })

  test('is remembered until its orchestrator has settled it', async (t) => {
    const { compute, ear, store } = await openBench(t)
    compute.offer(OWNER, scripted('e-1'))
    const report = await ear.report('e-1')
    await compute.settled('QmStranger', 'e-1')
    assert.deepEqual(compute.held(OWNER), [{ executionId: 'e-1', accepted: true, report }])
    await compute.settled(OWNER, 'e-1')
    assert.deepEqual(compute.held(OWNER), [])
    assert.equal(await store.get('held', 'e-1'), undefined)
  })

  test('belongs to the orchestrator that offered it: nobody else sees, ends or repeats it', async (t) => {
    const { compute, ear, executor } = await openBench(t)
    const other = listen()
    compute.listen('QmOther', other)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    await executor.begun(1)
    compute.cancel('QmOther', 'e-1', 'mine now')
    compute.offer('QmOther', scripted('e-1'))
    assert.deepEqual(compute.held('QmOther'), [])
    executor.release()
    assert.equal((await ear.report('e-1')).type, 'completed')
    compute.offer('QmOther', scripted('e-1'))
    assert.deepEqual(other.told, [])
    assert.equal(executor.runs.length, 1)
  })

  test('offered again, gives the same answer and does not run twice', async (t) => {
    const { compute, ear, executor } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    await executor.begun(1)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    executor.release()
    await ear.report('e-1')
    compute.offer(OWNER, scripted('e-1'))
    assert.deepEqual(ear.told, [
      'accepted e-1',
      'running e-1',
      'accepted e-1',
      'completed e-1',
      'accepted e-1',
      'completed e-1',
    ])
    assert.equal(executor.runs.length, 1)
  })

  test('goes to the listener of the newest link', async (t) => {
    const { compute, ear, executor } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    await executor.begun(1)
    const newer = listen()
    compute.listen(OWNER, newer)
    executor.release()
    await newer.report('e-1')
    assert.deepEqual([ear.told, newer.told], [['accepted e-1', 'running e-1'], ['completed e-1']])
  })
})

describe('room on a compute node', () => {
  test('is reserved before anything is awaited, and free again before the end is told', async (t) => {
    const { compute, executor } = await openBench(t, { capacity: someResources({ CPU: 2 }) })
    let freeAtEnd: unknown
    const ear = listen((words) => {
      if (words === 'completed e-1') freeAtEnd = [compute.free().CPU, compute.running()]
    })
    compute.listen(OWNER, ear)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    compute.offer(OWNER, scripted('e-2'))
    assert.deepEqual(ear.told, ['refused e-2'])
    assert.deepEqual([compute.free().CPU, compute.free().Memory, compute.running()], [1, 0, 1])
    assert.match(ear.refusals[0]?.reason ?? '', /lacks 1 ?GB of memory \(0 ?B? available\)/)
    assert.equal(ear.refusals[0]?.later, true)
    executor.release()
    await ear.report('e-1')
    assert.deepEqual(freeAtEnd, [2, 0])
    assert.deepEqual(compute.free(), compute.capacity)
  })

  test('does not drift, however often it is taken and given back', async (t) => {
    const { compute, ear } = await openBench(t)
    for (let round = 0; round < 30; round++) {
      compute.offer(OWNER, sampleOffer(`e-${round}`, sampleJob(), someResources({ CPU: 0.1, Memory: 1 })))
    }
    await Promise.all(Array.from({ length: 30 }, (_, round) => ear.report(`e-${round}`)))
    assert.deepEqual(compute.free(), compute.capacity)
  })
})

describe('a compute node refuses', () => {
  test('what it cannot run, with every reason, for good', async (t) => {
    const { compute, ear } = await openBench(t)
    const task = {
      Engine: { Type: 'docker' },
      Publisher: { Type: 's3' },
      InputSources: [{ Source: { Type: 'note' }, Alias: '', Target: '/in' }],
      Network: { Type: 'HTTP' as const },
    }
    compute.offer(OWNER, sampleOffer('e-1', sampleJob(task)))
    const [refusal] = ear.refusals
    assert.equal(refusal?.later, false)
    assert.match(
      refusal?.reason ?? '',
      /engine "docker", only script; .*no network.* HTTP; .*publisher "s3", only shelf; a note needs a Text/,
    )
  })

  test('names that would leave its folder, and ids that are none', async (t) => {
    const { compute, ear, folder } = await openBench(t)
    const publishing = (Name: string) => ({ Publisher: { Type: 'shelf' }, ResultPaths: [{ Name, Path: '/out' }] })
    for (const name of ['..', '../../evil', 'a/b', 'stdout', 'exitCode']) {
      compute.offer(OWNER, scripted('e-1', {}, publishing(name)))
    }
    for (const id of ['../e-1', 'e/1', '.', 'x'.repeat(129)]) compute.offer(OWNER, scripted(id))
    assert.equal(ear.refusals.length, 9)
    assert.ok(ear.refusals.every(({ later }) => !later))
    assert.match(ear.refusals[0]?.reason ?? '', /cannot be a folder name/)
    assert.match(ear.refusals[5]?.reason ?? '', /execution id/)
    assert.deepEqual(await readdir(folder), [])
  })

  test('in words that fit on the link, whatever the engine says', async (t) => {
    const { compute, ear } = await openBench(t)
    compute.offer(
      OWNER,
      sampleOffer('e-1', sampleJob({ Engine: { Type: 'script', Params: { Invalid: 'x'.repeat(1e5) } } })),
    )
    assert.equal(ear.refusals[0]?.reason.length, LIMITS.message)
  })

  test('what it cannot write down, and takes it when it can', async (t) => {
    let full = true
    const view = (store: MemoryStore): Store => ({
      ...store,
      commit: (writes) => (full ? Promise.reject(new BacalhauError('DiskFull', 'full')) : store.commit(writes)),
    })
    const { compute, ear, executor } = await openBench(t, { view })
    compute.offer(OWNER, scripted('e-1'))
    await ear.hears('refused')
    assert.deepEqual([ear.refusals[0]?.later, executor.runs.length], [true, 0])
    await settle()
    assert.deepEqual([compute.free(), compute.held(OWNER)], [compute.capacity, []])
    full = false
    compute.offer(OWNER, scripted('e-1'))
    assert.equal((await ear.report('e-1')).type, 'completed')
  })

  test('more executions than it can hold', async (t) => {
    const store = createMemoryStore()
    await store.commit(
      Array.from({ length: LIMITS.heldExecutions }, (_, index) =>
        put('held', `e-${index}`, { executionId: `e-${index}`, orchestrator: OWNER, report: lost(`e-${index}`) }),
      ),
    )
    const { compute, ear } = await openBench(t, { store })
    compute.offer(OWNER, scripted('e-new'))
    assert.match(ear.refusals[0]?.reason ?? '', /already holds 10000 executions/)
    await compute.settled(OWNER, 'e-0')
    compute.offer(OWNER, scripted('e-new'))
    assert.equal((await ear.report('e-new')).type, 'completed')
  })
})

const lost = (executionId: string) => ({ type: 'failed', executionId, code: 'NodeLost', message: 'x' })

describe('cancelling', () => {
  test('works before the execution is even recorded', async (t) => {
    const { compute, ear, executor } = await openBench(t)
    compute.offer(OWNER, scripted('e-1'))
    compute.cancel(OWNER, 'e-1', 'no longer wanted')
    const report = await ear.report('e-1')
    assert.deepEqual(report, { type: 'cancelled', executionId: 'e-1', message: 'no longer wanted' })
    assert.equal(executor.runs.length, 0)
  })

  test('works while inputs come, while the job runs and while results are published', async (t) => {
    const stages = {
      inputs: { InputSources: [{ Source: { Type: 'note', Params: { Text: 'slow' } }, Alias: '', Target: '/in' }] },
      run: { Engine: { Type: 'script', Params: { Hold: true } } },
      publishing: { Publisher: { Type: 'shelf' } },
    }
    for (const [stage, task] of Object.entries(stages)) {
      const { compute, ear, executor, source, publisher } = await openBench(t)
      source.faults.set('slow', { hang: true })
      publisher.fault = { hang: true }
      compute.offer(OWNER, scripted('e-1', {}, task))
      await (stage === 'run' ? executor.begun(1) : ear.hears(stage === 'inputs' ? 'accepted' : 'publishing'))
      compute.cancel(OWNER, 'e-1', stage)
      assert.deepEqual(await ear.report('e-1'), { type: 'cancelled', executionId: 'e-1', message: stage })
      assert.deepEqual([executor.running, publisher.shelf.size, source.held.size], [0, 0, 0], stage)
    }
  })

  test('of what is unknown or has ended does nothing', async (t) => {
    const { compute, ear } = await openBench(t)
    compute.cancel(OWNER, 'e-1', 'never offered')
    compute.offer(OWNER, scripted('e-1'))
    const report = await ear.report('e-1')
    compute.cancel(OWNER, 'e-1', 'too late')
    assert.equal(report.type, 'completed')
    assert.deepEqual(compute.held(OWNER)[0]?.report, report)
  })
})

describe('stopping a compute node', () => {
  test('ends what runs and reports it as lost with the node, with its output so far', async (t) => {
    const { compute, ear, executor, publisher } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Say: 'so far', Hold: true }, { Publisher: { Type: 'shelf' } }))
    await executor.begun(1)
    await compute.stop()
    const report = await ear.report('e-1')
    assert.ok(report.type === 'failed')
    assert.equal(report.code, 'NodeLost')
    assert.match(report.message, /was stopped while it ran the job/)
    assert.deepEqual([executor.running, publisher.shelf.size], [0, 0])
    compute.offer(OWNER, scripted('e-2'))
    assert.deepEqual(ear.refusals, [{ reason: 'this node is being stopped', later: true }])
  })

  test('waits for nothing that hangs', async (t) => {
    const { compute, ear, publisher } = await openBench(t)
    publisher.fault = { hang: true }
    compute.offer(OWNER, scripted('e-1', { Fail: 'WasmTrap' }, { Publisher: { Type: 'shelf' } }))
    await ear.hears('publishing')
    await compute.stop()
    assert.equal((await ear.report('e-1')).type, 'failed')
  })

  test('keeps the report for the next start', async (t) => {
    const { compute, executor, store, folder } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Hold: true }))
    await executor.begun(1)
    await compute.stop()
    const { compute: again } = await openBench(t, { store, folder })
    assert.deepEqual(
      again.held(OWNER).map(({ report }) => report?.type === 'failed' && report.code),
      ['NodeLost'],
    )
  })
})

describe('after a crash', () => {
  test('what ran is reported as failed, what had ended with the report it had', async (t) => {
    const [store, folder] = [createMemoryStore(), await tempFolder(t)]
    const report = { type: 'cancelled', executionId: 'e-2', message: 'x' }
    await store.commit([
      put('held', 'e-1', { executionId: 'e-1', orchestrator: OWNER }),
      put('held', 'e-2', { executionId: 'e-2', orchestrator: OWNER, report }),
    ])
    for (const id of ['e-1', 'e-2', 'e-unknown']) {
      await mkdir(path.join(folder, id, 'results', 'big'), { recursive: true })
      await writeFile(path.join(folder, id, 'results', 'stdout'), 'partial')
    }
    const { compute, clock } = await openBench(t, { store, folder })
    const [first, second] = compute.held(OWNER)
    assert.ok(first?.report?.type === 'failed' && first.report.code === 'NodeLost')
    assert.match(first.report.message, /was restarted while it ran the job/)
    assert.deepEqual(second?.report, report)
    // The output stays readable; what it need not keep is gone, and so is what belongs to nobody.
    assert.deepEqual((await readdir(folder)).toSorted(), ['e-1', 'e-2'])
    assert.deepEqual(await readdir(path.join(folder, 'e-1', 'results')), ['stdout'])
    const logs = compute.readLogs('e-1', { follow: true, tail: false, reader: OWNER }, never())
    assert.deepEqual(await text(logs), 'partial')
    assert.deepEqual(compute.free(), compute.capacity)
    await clock.advance(LIMITS.outputRetention)
    await compute.stop()
    assert.deepEqual(await readdir(folder), [])
  })

  test('the report says the same after a second crash', async (t) => {
    const store = createMemoryStore()
    await store.commit([put('held', 'e-1', { executionId: 'e-1', orchestrator: OWNER })])
    const { compute: first } = await openBench(t, { store })
    const { compute: second } = await openBench(t, { store })
    assert.deepEqual(second.held(OWNER), first.held(OWNER))
  })

  test('a damaged record is dropped, the others are kept', async (t) => {
    const store = createMemoryStore()
    await store.commit([
      put('held', 'e-1', { executionId: 7 }),
      put('held', 'e-2', { executionId: '../..', orchestrator: OWNER }),
      put('held', 'e-3', { executionId: 'e-3', orchestrator: OWNER, report: { type: 'accepted', executionId: 'e-3' } }),
      put('held', 'e-4', { executionId: 'e-4', orchestrator: OWNER }),
    ])
    const { compute } = await openBench(t, { store })
    assert.deepEqual(
      compute.held(OWNER).map(({ executionId }) => executionId),
      ['e-4'],
    )
    assert.equal((await store.range('held', { limit: 9 })).length, 1)
  })

  test('an end that could not be recorded is told all the same', async (t) => {
    let writes = 0
    const view = (store: MemoryStore): Store => ({
      ...store,
      commit: (units) => (++writes > 1 ? Promise.reject(new Error('full')) : store.commit(units)),
    })
    const { compute, ear } = await openBench(t, { view })
    compute.offer(OWNER, scripted('e-1'))
    assert.equal((await ear.report('e-1')).type, 'completed')
  })
})

async function text(chunks: AsyncIterable<{ readonly bytes: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const { bytes } of chunks) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

describe('the output of an execution', () => {
  const asOwner = { follow: false, tail: false, reader: OWNER }

  test('is for its orchestrator only', async (t) => {
    const { compute, ear } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Say: 'secret' }))
    await ear.report('e-1')
    assert.equal(await text(compute.readLogs('e-1', asOwner, never())), 'secret')
    for (const [id, reader] of [
      ['e-1', 'QmOther'],
      ['e-2', OWNER],
      ['../e-1', OWNER],
    ] as const) {
      assert.throws(() => compute.readLogs(id, { ...asOwner, reader }, never()), /holds no output of execution/)
    }
  })

  test('can be read after it was settled, for an hour', async (t) => {
    const { compute, ear, clock, folder } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Say: 'still here' }))
    await ear.report('e-1')
    await compute.settled(OWNER, 'e-1')
    await clock.advance(LIMITS.outputRetention - 1)
    assert.equal(await text(compute.readLogs('e-1', asOwner, never())), 'still here')
    await clock.advance(1)
    assert.throws(() => compute.readLogs('e-1', asOwner, never()), /holds no output/)
    await compute.stop()
    await assert.rejects(access(path.join(folder, 'e-1')))
  })

  test('is followed from the first byte to the end', async (t) => {
    const { compute, ear, executor } = await openBench(t)
    compute.offer(OWNER, scripted('e-1', { Say: 'out', Complain: 'err', Hold: true }))
    await executor.begun(1)
    const reading = text(compute.readLogs('e-1', { ...asOwner, follow: true }, never()))
    executor.release()
    await ear.report('e-1')
    assert.equal(await reading, 'outerr')
  })
})
