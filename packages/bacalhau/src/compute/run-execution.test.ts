import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { sampleJob } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { executionFolder } from './execution-folder.ts'
import { orderOf, OWNER, scripted, tempFolder } from './fixtures/bench.ts'
import { createScriptedExecutor, createScriptedPublisher, createScriptedSource } from './fixtures/scripted.ts'
import { createNodeEnvironment } from './policy/node-environment.ts'
import { runExecution } from './run-execution.ts'
import type { ExecutionOrder } from './runner.ts'

const SHELF = { Publisher: { Type: 'shelf' } }
const note = (Text: string, Target = `/${Text}`) => ({ Source: { Type: 'note', Params: { Text } }, Alias: '', Target })

async function bench(t: TestContext) {
  const clock = createVirtualClock()
  const folder = executionFolder(await tempFolder(t), { orchestrator: OWNER, executionId: 'e-1' })
  const [executor, source, publisher] = [
    createScriptedExecutor(clock),
    createScriptedSource(),
    createScriptedPublisher(),
  ]
  const steps: number[] = []
  let outputs = 0
  const context = {
    capabilities: { executors: [executor], sources: [source], publishers: [publisher] },
    environment: createNodeEnvironment(['TEAM_*'], { TEAM_KEY: 'of the node', SECRET: 'none' }),
    clock,
    folder,
    logger: silentLogger,
    onProgress: (state: number) => void steps.push(state),
    onPreparing: () => undefined,
    onOutput: () => void (outputs += 1),
    onJoined: () => undefined,
  }
  const run = (order: ExecutionOrder, signal = new AbortController().signal) => runExecution(order, context, signal)
  return { clock, folder, executor, source, publisher, steps, run, outputs: () => outputs }
}

/** The report, which has to be a failure. */
const failure = async (running: ReturnType<typeof runExecution>) => {
  const report = await running
  assert.ok(report.type === 'failed', JSON.stringify(report))
  return report
}

describe('a run', () => {
  test('gives the job its inputs, its environment and its result folders, and publishes what it wrote', async (t) => {
    const { executor, source, publisher, steps, run, outputs } = await bench(t)
    const order = {
      ...scripted(
        'e-1',
        { Say: 'out', Complain: 'err', Write: 'result', ExitCode: 3 },
        {
          ...SHELF,
          Env: { NAME: 'value', KEY: 'env:TEAM_KEY' },
          InputSources: [note('a'), note('b')],
          ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
          Timeouts: { ExecutionTimeout: 7 },
        },
      ),
      partitionIndex: 2,
    }
    const report = await run({ ...order, job: { ...order.job, Count: 5 } })
    assert.deepEqual(report, {
      type: 'completed',
      executionId: 'e-1',
      output: {
        Stdout: 'out',
        StdoutTruncated: false,
        stderr: 'err',
        StderrTruncated: false,
        ExitCode: 3,
        ErrorMsg: '',
      },
      result: { Type: 'shelf', Params: { Execution: 'e-1' } },
      milliseconds: 0,
    })
    const [request] = executor.runs
    assert.deepEqual(request?.env, {
      NAME: 'value',
      KEY: 'of the node',
      BACALHAU_EXECUTION_ID: 'e-1',
      BACALHAU_JOB_ID: order.job.ID,
      BACALHAU_JOB_TYPE: 'batch',
      BACALHAU_PARTITION_INDEX: '2',
      BACALHAU_PARTITION_COUNT: '5',
    })
    assert.deepEqual(
      request?.mounts.map(({ guestPath, readOnly }) => [guestPath, readOnly]),
      [
        ['/a', true],
        ['/b', true],
        ['/outputs', false],
      ],
    )
    assert.deepEqual([request?.limits.time, request?.limits.memory], [7_000, order.resources.Memory])
    assert.deepEqual(publisher.shelf.get('e-1'), {
      stdout: 'out',
      stderr: 'err',
      exitCode: '3',
      [path.join('outputs', 'text')]: 'result',
    })
    assert.deepEqual([steps, source.held.size, outputs()], [[6, 7], 0, 1])
  })

  test('whose job publishes nothing is complete without publishing', async (t) => {
    for (const Type of ['', 'noop', 'NoOp']) {
      const { run, steps } = await bench(t)
      const report = await run(scripted('e-1', {}, { Publisher: { Type } }))
      assert.deepEqual([report.type === 'completed' && report.result, steps], [{ Type: '' }, [6]])
    }
  })

  test('finds nothing of an earlier try in its folder', async (t) => {
    const { folder, run, publisher } = await bench(t)
    await run(scripted('e-1', { Say: 'first', Write: 'x' }, { ...SHELF, ResultPaths: [{ Name: 'o', Path: '/o' }] }))
    await run(scripted('e-1', { Say: 'second' }, SHELF))
    assert.equal(await readFile(folder.stdout, 'utf8'), 'second')
    assert.deepEqual(Object.keys(publisher.shelf.get('e-1') ?? {}).toSorted(), ['exitCode', 'stderr', 'stdout'])
  })

  test('says how long the job itself ran, whatever its inputs and its results took', async (t) => {
    const { clock, executor, publisher, run, steps } = await bench(t)
    publisher.fault = { hang: true }
    const abort = new AbortController()
    const running = run(scripted('e-1', { Milliseconds: 1_500 }, SHELF), abort.signal)
    await executor.begun(1)
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(1_500)
    while (!steps.includes(7) || clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    publisher.fault = {}
    await clock.advance(LIMITS.publish - 1)
    publisher.letGo()
    const report = await running
    assert.ok(report.type === 'completed')
    assert.equal(report.milliseconds, 1_500)
  })

  test('takes the total timeout for its own where the spec has no other', async (t) => {
    const { executor, run } = await bench(t)
    await run(scripted('e-1', {}, { Timeouts: { TotalTimeout: 9 } }))
    await run(scripted('e-1', {}, { Timeouts: {} }))
    assert.deepEqual(
      executor.runs.map(({ limits }) => limits.time),
      [9_000, 0],
    )
  })
})

describe('what goes wrong before the run', () => {
  test('an input fails: its reason is told, the others are ended and released, nothing runs', async (t) => {
    const { executor, source, run } = await bench(t)
    source.faults.set('slow', { hang: true })
    source.faults.set('bad', { error: new BacalhauError('ContentNotFound', 'nobody has it', { hint: 'add it' }) })
    const inputs = [note('ready'), note('slow'), note('bad')]
    const report = await failure(run(scripted('e-1', {}, { InputSources: inputs })))
    assert.deepEqual([report.code, report.message, report.hint], ['ContentNotFound', 'nobody has it', 'add it'])
    assert.deepEqual([executor.runs.length, source.held.size], [0, 0])
    assert.equal(report.output?.ExitCode, -1)
    assert.equal(report.output?.ErrorMsg, 'nobody has it')
  })

  test('an input fails for a reason of its own: that is an input failure', async (t) => {
    const { source, run } = await bench(t)
    source.faults.set('bad', { error: new Error('socket hang up') })
    const report = await failure(run(scripted('e-1', {}, { InputSources: [note('bad')] })))
    assert.deepEqual(report.code, 'InputFailed')
    assert.match(report.message, /socket hang up/)
  })

  test('inputs that never come are given up', async (t) => {
    const { clock, source, run } = await bench(t)
    source.faults.set('slow', { hang: true })
    const running = run(scripted('e-1', {}, { InputSources: [note('slow')] }))
    // The folders are made with real files, so the limit begins some turns later.
    for (let turn = 0; clock.pending === 0; turn++) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(LIMITS.inputs)
    const report = await failure(running)
    assert.deepEqual([report.code, clock.pending], ['InputFailed', 0])
    assert.match(report.message, /did not arrive within 60 minutes/)
  })

  test('a job without a task, an engine that is not there', async (t) => {
    const { run } = await bench(t)
    assert.equal((await failure(run(orderOf('e-1', { ...sampleJob(), Tasks: [] })))).code, 'ValidationError')
    const report = await failure(run(orderOf('e-1', sampleJob({ Engine: { Type: 'docker' } }))))
    assert.match(report.message, /does not support the engine "docker"/)
  })

  test('the folder of the execution cannot be made', async (t) => {
    const { folder, run } = await bench(t)
    await writeFile(path.dirname(folder.root), 'a file where the folder should be')
    const report = await failure(run(scripted('e-1')))
    assert.deepEqual([report.code, report.output], ['InternalError', undefined])
    assert.match(report.message, /ENOTDIR/)
  })
})

describe('what goes wrong in the run', () => {
  test('a failed run keeps its cause and its output, and what it wrote is published', async (t) => {
    const { publisher, source, run } = await bench(t)
    const job = { ...SHELF, InputSources: [note('a')], ResultPaths: [{ Name: 'o', Path: '/o' }] }
    const report = await failure(run(scripted('e-1', { Say: 'so far', Write: 'partial', Fail: 'WasmTrap' }, job)))
    assert.deepEqual([report.code, report.message], ['WasmTrap', 'failed: WasmTrap'])
    assert.deepEqual([report.output?.Stdout, report.output?.ExitCode], ['so far', -1])
    assert.deepEqual(report.result, { Type: 'shelf', Params: { Execution: 'e-1' } })
    assert.deepEqual(publisher.shelf.get('e-1')?.['exitCode'], '-1')
    assert.equal(source.held.size, 0)
  })

  test('a failed run that cannot be published keeps its own cause', async (t) => {
    const { publisher, run } = await bench(t)
    publisher.fault = { error: new BacalhauError('PublishFailed', 'no') }
    const report = await failure(run(scripted('e-1', { Fail: 'WasmTrap' }, SHELF)))
    assert.deepEqual([report.code, report.result], ['WasmTrap', undefined])
  })

  test('point 21: a fault of the engine is a failure of the execution, and its inputs are released', async (t) => {
    const { source, run } = await bench(t)
    const report = await failure(run(scripted('e-1', { Break: 'worker died' }, { InputSources: [note('a')] })))
    assert.deepEqual([report.code, report.message, source.held.size], ['InternalError', 'worker died', 0])
  })

  test('words of any length fit on the link', async (t) => {
    const { source, run } = await bench(t)
    const long = 'x'.repeat(100_000)
    source.faults.set('bad', { error: new BacalhauError('InputFailed', long, { hint: long }) })
    const report = await failure(run(scripted('e-1', {}, { InputSources: [note('bad')] })))
    const lengths = [report.message.length, report.hint?.length, report.output?.ErrorMsg.length]
    assert.deepEqual(lengths, [LIMITS.message, LIMITS.message, LIMITS.message])
  })
})

describe('what goes wrong in publishing', () => {
  const publishing = async (t: TestContext, fault: object) => {
    const { publisher, run } = await bench(t)
    publisher.fault = fault
    return failure(run(scripted('e-1', { Say: 'done' }, SHELF)))
  }

  test('a publisher that says why, one that does not, a full disk: always with the output', async (t) => {
    const said = await publishing(t, { error: new BacalhauError('PublishFailed', 'no peer takes it') })
    assert.deepEqual([said.code, said.message, said.output?.Stdout], ['PublishFailed', 'no peer takes it', 'done'])
    const unsaid = await publishing(t, { error: new Error('boom') })
    assert.deepEqual([unsaid.code, unsaid.message, unsaid.output?.ExitCode], ['PublishFailed', 'boom', 0])
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const full = await publishing(t, { error: Object.assign(new Error('write'), { code }) })
      assert.deepEqual([full.code, full.message], ['DiskFull', 'the disk of the node is full'])
      assert.match(full.hint ?? '', /Free some disk space/)
    }
  })

  test('a publisher that never ends is given up', async (t) => {
    const { clock, publisher, run, steps } = await bench(t)
    publisher.fault = { hang: true }
    const running = run(scripted('e-1', {}, SHELF))
    while (!steps.includes(7) || clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(LIMITS.publish)
    const report = await failure(running)
    assert.deepEqual([report.code, clock.pending], ['PublishFailed', 0])
  })
})

describe('a run that is ended from outside', () => {
  const cancelled = new BacalhauError('ExecutionCancelled', 'no longer wanted')

  test('before it began', async (t) => {
    const { executor, run } = await bench(t)
    const report = await run(scripted('e-1', {}, { InputSources: [note('a')] }), AbortSignal.abort(cancelled))
    assert.deepEqual(report, { type: 'cancelled', executionId: 'e-1', message: 'no longer wanted' })
    assert.equal(executor.runs.length, 0)
  })

  test('for another reason than a cancellation, that reason is its failure', async (t) => {
    const { executor, publisher, run } = await bench(t)
    const abort = new AbortController()
    const running = run(scripted('e-1', { Say: 'so far', Hold: true }, SHELF), abort.signal)
    await executor.begun(1)
    abort.abort(new BacalhauError('NodeLost', 'the compute node was stopped'))
    const report = await failure(running)
    assert.deepEqual(
      [report.code, report.message, report.output?.Stdout],
      ['NodeLost', 'the compute node was stopped', 'so far'],
    )
    assert.equal(publisher.shelf.size, 0)
  })

  test('while a publisher with words of its own works', async (t) => {
    const { publisher, run, steps } = await bench(t)
    publisher.fault = { hang: true }
    const abort = new AbortController()
    const running = run(scripted('e-1', {}, SHELF), abort.signal)
    while (!steps.includes(7)) await new Promise((resolve) => setImmediate(resolve))
    abort.abort(cancelled)
    assert.equal((await running).type, 'cancelled')
  })
})
