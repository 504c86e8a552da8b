import assert from 'node:assert/strict'
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import type { Executor } from '../executors/executor.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { executionFolder } from './execution-folder.ts'
import { OWNER, scripted, tempFolder } from './fixtures/bench.ts'
import { createScriptedExecutor, createScriptedPublisher, createScriptedSource } from './fixtures/scripted.ts'
import type { JoinedOutput } from './output-log.ts'
import { createNodeEnvironment } from './policy/node-environment.ts'
import { runExecution } from './run-execution.ts'

const INPUT = { Source: { Type: 'note', Params: { Text: 'a' } }, Alias: '', Target: '/a' }

/** A run whose engine has, besides running, what `phases` says. */
async function bench(t: TestContext, phases: Partial<Executor>) {
  const clock = createVirtualClock()
  const folder = executionFolder(await tempFolder(t), { orchestrator: OWNER, executionId: 'e-1' })
  const executor = createScriptedExecutor(clock)
  const told: unknown[] = []
  const prepared: string[] = []
  const joined: JoinedOutput[] = []
  const context = {
    capabilities: {
      executors: [Object.assign(executor, phases)],
      sources: [createScriptedSource()],
      publishers: [createScriptedPublisher()],
    },
    environment: createNodeEnvironment([], {}),
    clock,
    folder,
    logger: silentLogger,
    onProgress: (...progress: unknown[]) => void told.push(progress),
    onPreparing: (text: string) => void prepared.push(text),
    onOutput: () => undefined,
    onJoined: (output: JoinedOutput) => void joined.push(output),
  }
  const order = scripted('e-1', { Say: 'out' }, { InputSources: [INPUT] })
  const run = (signal = new AbortController().signal) => runExecution(order, context, signal)
  return { clock, folder, told, prepared, joined, run }
}

test('output that rolled is joined when the run has ended, however it did, and readers are told', async (t) => {
  for (const failing of [false, true]) {
    const { folder, joined, run } = await bench(t, {
      async run({ stdoutPath }, observer) {
        await writeFile(stdoutPath, 'begin')
        await writeFile(`${stdoutPath}.from-9`, 'end')
        observer.onRolled?.()
        if (failing) throw new Error('a fault')
        return { kind: 'exited', exitCode: 0 }
      },
    })
    const report = await run()
    assert.equal(report.type, failing ? 'failed' : 'completed')
    const gap = '\n[… 4 bytes of output were dropped here …]\n'
    assert.equal(await readFile(folder.stdout, 'utf8'), `begin${gap}end`)
    assert.deepEqual(joined, [{ stdout: { head: 5, shift: Buffer.byteLength(gap) - 4 } }])
  }
})

describe('an engine that has to fetch something first', () => {
  test('does so before the job counts as running, and says what it got', async (t) => {
    const { clock, told, run } = await bench(t, {
      async prepare() {
        told.push('prepared')
        await clock.advance(5_000)
        return 'image sha256:1'
      },
    })
    const report = await run()
    assert.deepEqual(told, ['prepared', [6, 'image sha256:1']])
    assert.equal(report.type === 'completed' && report.milliseconds, 0)
  })

  test('says how far it is, after the inputs have said so', async (t) => {
    const { prepared, run } = await bench(t, {
      async prepare(_params, _signal, onPreparing) {
        onPreparing?.('image x: 34 %')
        return undefined
      },
    })
    await run()
    assert.deepEqual(prepared, ['fetching inputs', 'image x: 34 %'])
  })

  test('fails the run with its own words', async (t) => {
    const gone = new BacalhauError('ImageNotFound', 'image not available: "x"')
    const { told, run } = await bench(t, { prepare: () => Promise.reject(gone) })
    const report = await run()
    assert.deepEqual([report.type === 'failed' && report.code, told], ['ImageNotFound', []])
  })

  test('has a time of its own, and is ended with the execution', async (t) => {
    const begun = Promise.withResolvers<void>()
    const prepare: Executor['prepare'] = (_params, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
        begun.resolve()
      })
    const late = await bench(t, { prepare })
    const running = late.run()
    await begun.promise
    await late.clock.advance(LIMITS.engineStart)
    const report = await running
    assert.equal(report.type === 'failed' && report.code, 'TimeOut')

    const cancelled = await bench(t, { prepare })
    const reason = new BacalhauError('ExecutionCancelled', 'not wanted any more')
    assert.deepEqual(await cancelled.run(AbortSignal.abort(reason)), {
      type: 'cancelled',
      executionId: 'e-1',
      message: 'not wanted any more',
    })
  })
})

describe('a job that has outlived its node', () => {
  test('keeps the inputs that it reads, gets none anew, and begins its output again', async (t) => {
    let prepared = 0
    const survivor: Partial<Executor> = {
      survives: (id) => id === 'e-1',
      prepare: async () => void (prepared += 1),
    }
    const { folder, run } = await bench(t, survivor)
    await mkdir(`${folder.inputs}-0`, { recursive: true })
    await writeFile(`${folder.inputs}-0/kept`, '')
    await mkdir(folder.results)
    await writeFile(folder.stdout, 'of the former process')
    const report = await run()
    assert.equal(report.type === 'completed' && report.output?.Stdout, 'out')
    assert.deepEqual([prepared, await readdir(`${folder.inputs}-0`)], [0, ['kept']])
  })

  test('is not confused with one that is to begin anew', async (t) => {
    const { folder, run } = await bench(t, { survives: () => false })
    await mkdir(`${folder.inputs}-7`, { recursive: true })
    await run()
    await assert.rejects(access(`${folder.inputs}-7`), { code: 'ENOENT' })
  })
})
