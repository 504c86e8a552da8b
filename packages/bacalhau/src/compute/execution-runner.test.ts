import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { sampleJob } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { createExecutionRunner } from './execution-runner.ts'
import { orderOf, OWNER, scopeOf, scripted, tempFolder } from './fixtures/bench.ts'
import { createNodeEnvironment } from './policy/node-environment.ts'
import { openPolicy } from './fixtures/open-policy.ts'
import { createScriptedExecutor, createScriptedPublisher, createScriptedSource } from './fixtures/scripted.ts'

const never = () => new AbortController().signal
const asOwner = { follow: false, tail: false, reader: OWNER }
const HOOKS = { onProgress: () => undefined, onPreparing: () => undefined }

async function open(t: TestContext, folder?: string) {
  const clock = createVirtualClock()
  const base = folder ?? path.join(await tempFolder(t), 'executions')
  const executor = createScriptedExecutor(clock)
  const capabilities = {
    executors: [executor, createNoopExecutor({ clock })],
    sources: [createScriptedSource()],
    publishers: [createScriptedPublisher()],
  }
  const runner = createExecutionRunner({
    folder: base,
    capabilities,
    policy: openPolicy,
    environment: createNodeEnvironment([], {}),
    clock,
    logger: silentLogger,
  })
  scopeOf(t).own(runner)
  return { clock, base, executor, runner }
}

async function text(chunks: AsyncIterable<{ readonly bytes: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const { bytes } of chunks) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

const noop = (params: object = {}, task: object = {}) =>
  orderOf('e-1', sampleJob({ Engine: { Type: 'noop', Params: { ...params } }, ...task }))

describe('a job', () => {
  test('does not suit, with every reason', async (t) => {
    const { runner } = await open(t)
    const task = {
      Engine: { Type: 'docker', Params: { Image: 'x' } },
      Publisher: { Type: 's3' },
      InputSources: [{ Source: { Type: 'note' }, Alias: '', Target: '/in' }],
    }
    assert.match(
      runner.refusal(orderOf('e-1', sampleJob(task))) ?? '',
      /engine "docker", only script, noop; .*publisher "s3", only shelf; a note needs a Text/,
    )
    assert.equal(runner.refusal(scripted('e-1')), undefined)
  })

  test('gets a GPU from an engine that has them', async (t) => {
    const { executor, runner } = await open(t)
    const order = { ...scripted('e-1'), resources: { CPU: 1, Memory: 1, Disk: 0, GPU: 2 } }
    assert.match(runner.refusal(order) ?? '', /^jobs of the engine script get no GPU, and this one asks for 2$/)
    Object.assign(executor, { givesGpus: true })
    assert.equal(runner.refusal(order), undefined)
  })

  test('gets no network that its engine does not give', async (t) => {
    const { executor, runner } = await open(t)
    const order = scripted('e-1', {}, { Network: { Type: 'Bridge' } })
    assert.match(runner.refusal(order) ?? '', /engine script get no network on this node, and this one asks for Bridge/)
    Object.assign(executor, { networkRefusal: () => 'not granted' })
    assert.equal(runner.refusal(scripted('e-1', {}, { Network: { Type: 'Host' } })), 'not granted')
    Object.assign(executor, { networkRefusal: () => undefined })
    assert.equal(runner.refusal(scripted('e-1', {}, { Network: { Type: 'Host' } })), undefined)
  })

  test('names no folder outside of its own', async (t) => {
    const { runner } = await open(t)
    for (const Name of ['..', '../../evil', 'a/b', 'stdout', 'exitCode']) {
      const order = scripted('e-1', {}, { Publisher: { Type: 'shelf' }, ResultPaths: [{ Name, Path: '/out' }] })
      assert.match(runner.refusal(order) ?? '', /cannot be a folder name/)
    }
  })
})

test('what a crash left of output that rolled can be read, and nothing else of it stays', async (t) => {
  const base = path.join(await tempFolder(t), 'executions')
  const results = path.join(base, OWNER, 'e-1', 'results')
  await mkdir(results, { recursive: true })
  await writeFile(path.join(results, 'stdout'), 'begin')
  await writeFile(path.join(results, 'stdout.from-9'), 'end')
  const { runner } = await open(t, base)
  await runner.recover([])
  assert.match(await text(runner.readLogs('e-1', asOwner, never())), /^begin\n.* 4 bytes .*\nend$/)
  assert.deepEqual(await readdir(results), ['stdout'])
})

describe('a job that needs neither time nor files', () => {
  test('is done at once; others take their way', async (t) => {
    const { runner } = await open(t)
    assert.deepEqual(runner.runAtOnce?.(noop()), {
      type: 'completed',
      executionId: 'e-1',
      output: null,
      result: { Type: '' },
      milliseconds: 0,
    })
    const input = { Source: { Type: 'note', Params: { Text: 'a' } }, Alias: '', Target: '/in' }
    for (const order of [
      noop({ DelayMs: 5 }),
      noop({}, { Publisher: { Type: 'shelf' } }),
      noop({}, { InputSources: [input] }),
      noop({ DelayMs: 'wrong' }),
      scripted('e-1'),
    ])
      assert.equal(runner.runAtOnce?.(order), undefined)
  })

  test('touches no disk when it needs time, either', async (t) => {
    const { runner, clock, base } = await open(t)
    const states: number[] = []
    const run = runner.run(noop({ DelayMs: 1_000 }), { ...HOOKS, onProgress: (state) => states.push(state) }, never())
    await clock.advance(1_000)
    const report = await run
    assert.ok(report.type === 'completed')
    assert.deepEqual([report.output, report.milliseconds, states], [null, 1_000, [6]])
    await assert.rejects(readdir(base), /ENOENT/)
  })

  test('is cancelled, runs out of time and fails as any other', async (t) => {
    const { runner, clock } = await open(t)
    const cancel = new AbortController()
    const cancelled = runner.run(noop({ DelayMs: 1e6 }), HOOKS, cancel.signal)
    cancel.abort(new BacalhauError('ExecutionCancelled', 'no longer wanted'))
    assert.deepEqual(await cancelled, { type: 'cancelled', executionId: 'e-1', message: 'no longer wanted' })
    const late = runner.run(noop({ DelayMs: 1e6 }, { Timeouts: { ExecutionTimeout: 2 } }), HOOKS, never())
    await clock.advance(2_000)
    const report = await late
    assert.equal(report.type === 'failed' && report.code, 'ExecutionTimeout')
    const wrong = await runner.run(noop({ DelayMs: 'wrong' }), HOOKS, never())
    assert.equal(wrong.type === 'failed' && wrong.code, 'ValidationError')
  })
})

describe('the output of an execution', () => {
  test('is for its orchestrator only', async (t) => {
    const { runner } = await open(t)
    await runner.run(scripted('e-1', { Say: 'secret' }), HOOKS, never())
    assert.equal(await text(runner.readLogs('e-1', asOwner, never())), 'secret')
    for (const [id, reader] of [
      ['e-1', 'QmOther'],
      ['e-2', OWNER],
      ['../e-1', OWNER],
    ] as const) {
      assert.throws(() => runner.readLogs(id, { ...asOwner, reader }, never()), /holds no output of execution/)
    }
  })

  test('is followed from the first byte to the end', async (t) => {
    const { runner, executor } = await open(t)
    const run = runner.run(scripted('e-1', { Say: 'out', Complain: 'err', Hold: true }), HOOKS, never())
    await executor.begun(1)
    const reading = text(runner.readLogs('e-1', { ...asOwner, follow: true }, never()))
    executor.release()
    await run
    assert.equal(await reading, 'outerr')
  })

  test('point 29: can be read for an hour after the end; then nothing is left', async (t) => {
    const { runner, clock, base } = await open(t)
    await runner.run(scripted('e-1', { Say: 'still here', Write: 'large' }), HOOKS, never())
    await clock.advance(LIMITS.outputRetention - 1)
    assert.equal(await text(runner.readLogs('e-1', asOwner, never())), 'still here')
    await clock.advance(1)
    assert.throws(() => runner.readLogs('e-1', asOwner, never()), /holds no output/)
    await runner.stop()
    assert.deepEqual(await readdir(path.join(base, OWNER)), [])
  })

  test('that is none takes no place, and can be read as nothing', async (t) => {
    const { runner, base } = await open(t)
    await runner.run(scripted('e-1', { Write: 'large' }, { ResultPaths: [{ Name: 'o', Path: '/o' }] }), HOOKS, never())
    assert.equal(await text(runner.readLogs('e-1', asOwner, never())), '')
    await runner.stop()
    assert.deepEqual(await readdir(path.join(base, OWNER)), [])
  })
})

describe('after a restart', () => {
  test('point 27: output of what had ended can still be read by its owner, for what is left of its hour', async (t) => {
    const { base, clock, runner } = await open(t)
    const now = clock.now()
    for (const [id, age] of [
      ['e-ended', LIMITS.outputRetention - 1_000],
      ['e-over', LIMITS.outputRetention],
      ['e-silent', 0],
      ['e-again', 0],
    ] as const) {
      const root = path.join(base, OWNER, id)
      await mkdir(path.join(root, 'results', 'large'), { recursive: true })
      await writeFile(path.join(root, 'results', 'stdout'), id === 'e-silent' ? '' : id)
      await utimes(root, (now - age) / 1000, (now - age) / 1000)
    }
    await runner.recover([scripted('e-again')])
    assert.equal(await text(runner.readLogs('e-ended', asOwner, never())), 'e-ended')
    assert.throws(() => runner.readLogs('e-ended', { ...asOwner, reader: 'QmOther' }, never()), /holds no output/)
    for (const id of ['e-over', 'e-silent', 'e-again']) {
      assert.throws(() => runner.readLogs(id, asOwner, never()), /holds no output/, id)
    }
    assert.deepEqual(await readdir(path.join(base, OWNER, 'e-ended', 'results')), ['stdout'])
    await clock.advance(1_000)
    await runner.stop()
    assert.deepEqual(await readdir(path.join(base, OWNER)), ['e-again'])
  })

  test('what is run again finds nothing of its first run', async (t) => {
    const { base, runner } = await open(t)
    await mkdir(path.join(base, OWNER, 'e-1', 'results'), { recursive: true })
    await writeFile(path.join(base, OWNER, 'e-1', 'results', 'stdout'), 'first ')
    await runner.recover([scripted('e-1')])
    await runner.run(scripted('e-1', { Say: 'second' }), HOOKS, never())
    await settle()
    assert.equal(await text(runner.readLogs('e-1', asOwner, never())), 'second')
  })
})
