import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createWasmExecutor } from '../executors/wasm/executor.ts'
import { call, DROP, forever, i32, program, repeat, wasi } from '../executors/wasm/fixtures/module-builder.ts'
import { sampleJob } from '../link/fixtures/samples.ts'
import { systemClock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createExecutionRunner } from './execution-runner.ts'
import { orderOf, OWNER, scopeOf, tempFolder } from './fixtures/bench.ts'
import { createScriptedPublisher } from './fixtures/scripted.ts'
import { createNodeEnvironment } from './policy/node-environment.ts'
import { openPolicy } from './fixtures/open-policy.ts'

/** `i32.store`, of what was put on the stack last, at the place before it. */
const STORE = [0x36, 2, 0]
/** Writes `length` bytes of what lies at 64 in memory to standard output; the words of the call lie before it. */
const write = (length: number) =>
  [i32(0), i32(64), STORE, i32(4), i32(length), STORE, i32(1), i32(0), i32(1), i32(16), call(0), [DROP]].flat()
const saying = (text: string, code: readonly number[]) =>
  program([...code], { imports: [wasi('fd_write', 'iiii')], data: [{ at: 64, bytes: [...Buffer.from(text)] }] })

/** Runs of WebAssembly with the real engine, with nothing in the place of the compute node. */
async function bench(t: TestContext, module: Uint8Array) {
  const folder = await tempFolder(t)
  const file = path.join(folder, 'main.wasm')
  await writeFile(file, module)
  const executor = createWasmExecutor({ clock: systemClock, logger: silentLogger })
  const publisher = createScriptedPublisher()
  const source = {
    types: ['file'],
    available: async () => true,
    validate: () => undefined,
    measure: async () => ({ bytes: 0, local: true }),
    prepare: async () => ({ hostPath: file, kind: 'file' as const, release: async () => undefined }),
  }
  const runner = createExecutionRunner({
    folder: path.join(folder, 'executions'),
    capabilities: { executors: [executor], sources: [source], publishers: [publisher] },
    policy: openPolicy,
    environment: createNodeEnvironment([], {}),
    clock: systemClock,
    logger: silentLogger,
  })
  scopeOf(t).own(executor)
  scopeOf(t).own(runner)
  const task = {
    Engine: { Type: 'wasm', Params: { EntryModule: '/main.wasm' } },
    Publisher: { Type: 'shelf' },
    InputSources: [{ Source: { Type: 'file' }, Alias: '', Target: '/main.wasm' }],
  }
  const begun = Promise.withResolvers<void>()
  const hooks = { onPreparing: () => undefined, onProgress: (state: number) => void (state === 6 && begun.resolve()) }
  const run = (signal = new AbortController().signal) => runner.run(orderOf('e-1', sampleJob(task)), hooks, signal)
  const follow = () =>
    runner.readLogs('e-1', { follow: true, tail: false, reader: OWNER }, new AbortController().signal)
  return { folder, publisher, run, follow, begun: begun.promise }
}

describe('a module', () => {
  test('point 11: is followed while it runs, and when it is cancelled its readers come to the end', async (t) => {
    const { run, follow, begun } = await bench(t, saying('begun\n', [...write(6), ...forever([])]))
    const end = new AbortController()
    const report = run(end.signal)
    await begun
    let heard = ''
    for await (const { bytes } of follow()) {
      heard += Buffer.from(bytes).toString()
      if (heard === 'begun\n') end.abort(new BacalhauError('ExecutionCancelled', 'asked to'))
    }
    assert.equal(heard, 'begun\n')
    assert.deepEqual(await report, { type: 'cancelled', executionId: 'e-1', message: 'asked to' })
  })

  test('point 11: the record has the beginning of all that it wrote, the results have all of it', async (t) => {
    const [size, times] = [1_000, 5]
    const text = 'x'.repeat(size)
    const { folder, publisher, run } = await bench(t, saying(text, repeat(times, write(size))))
    const report = await run()
    assert.ok(report.type === 'completed')
    const { Stdout, StdoutTruncated } = report.output ?? assert.fail()
    assert.deepEqual([Stdout, StdoutTruncated], ['x'.repeat(LIMITS.outputSummary), true])
    assert.equal(publisher.shelf.get('e-1')?.['stdout'], text.repeat(times))
    assert.deepEqual((await readdir(folder)).toSorted(), ['executions', 'main.wasm'], 'nothing lies anywhere else')
  })

  test('point 12: that returns has ended well, with 0', async (t) => {
    const report = await (await bench(t, program([]))).run()
    assert.ok(report.type === 'completed')
    assert.equal(report.output?.ExitCode, 0)
  })

  test('point 26: that is cancelled does not complete, whatever it is doing', async (t) => {
    const { run, begun } = await bench(t, program(forever([])))
    const end = new AbortController()
    const report = run(end.signal)
    await begun
    end.abort(new BacalhauError('ExecutionCancelled', 'asked to'))
    assert.equal((await report).type, 'cancelled')
  })
})
