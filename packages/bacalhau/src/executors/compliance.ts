import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { isBacalhauError } from '../runtime/error.ts'
import type { ExecutionLimits, ExecutionOutcome, ExecutionRequest, Executor, Mount } from './executor.ts'

/** A job of the engine under test. */
export interface ComplianceJob {
  readonly params: Readonly<Record<string, unknown>>
  readonly mounts?: readonly Mount[]
}

export interface ExecutorFixture {
  /** A new executor; the suite stops it. */
  create(): Executor | Promise<Executor>
  readonly engine: string
  /** Does nothing and ends with exit code 0. */
  readonly succeed: ComplianceJob
  /** Goes on until it is ended. Where the engine has output, it prints `begun\n` first. */
  readonly endless: ComplianceJob
  /** Parameters that the engine does not take. */
  readonly invalid: Readonly<Record<string, unknown>>
  /** For engines with output: prints `out\n` to standard output, `err\n` to standard error, and ends with exit code 7. */
  readonly print?: ComplianceJob
}

const LIMITS: ExecutionLimits = { memory: 64 * 1024 * 1024, time: 0, output: 1 << 20, disk: 1 << 20, files: 100 }
const IGNORE = { onOutput: () => {} }
const NEVER = new AbortController().signal

/** The promises of `Executor`, as tests. Every implementation runs them. */
export function executorCompliance(fixture: ExecutorFixture): void {
  const setUp = async (t: TestContext) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'executor-'))
    const executor = await fixture.create()
    t.after(async () => {
      await executor.stop()
      await rm(folder, { recursive: true, force: true })
    })
    let made = 0
    const request = (job: ComplianceJob, limits: Partial<ExecutionLimits> = {}): ExecutionRequest => {
      made += 1
      return {
        executionId: `e-${made}`,
        jobId: 'j-1',
        params: job.params,
        env: {},
        mounts: job.mounts ?? [],
        stdoutPath: path.join(folder, `stdout-${made}`),
        stderrPath: path.join(folder, `stderr-${made}`),
        limits: { ...LIMITS, ...limits },
      }
    }
    return { executor, request }
  }
  /** Starts the endless job; `begun` settles when it surely runs. */
  const startEndless = (executor: Executor, request: ExecutionRequest, signal: AbortSignal) => {
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const run = executor.run(request, { onOutput: resolve }, signal)
    return { run, begun: fixture.print === undefined ? Promise.resolve() : begun }
  }

  describe(`executor ${fixture.engine}`, () => {
    test('names its engine and is available', async (t) => {
      const { executor } = await setUp(t)
      assert.equal(executor.engine, fixture.engine)
      assert.equal(await executor.available(), true)
    })

    test('checks parameters before a job is taken', async (t) => {
      const { executor } = await setUp(t)
      executor.validate(fixture.succeed.params)
      assert.throws(() => executor.validate(fixture.invalid), isBacalhauError)
    })

    test('reports wrong parameters of a run as its outcome', async (t) => {
      const { executor, request } = await setUp(t)
      const outcome = await executor.run(request({ params: fixture.invalid }), IGNORE, NEVER)
      assert.equal(failureCode(outcome), 'ValidationError')
    })

    test('runs a job to exit code 0, and its output files exist, unless it has no files at all', async (t) => {
      const { executor, request } = await setUp(t)
      const wish = request(fixture.succeed)
      assert.deepEqual(await executor.run(wish, IGNORE, NEVER), { kind: 'exited', exitCode: 0 })
      for (const file of [wish.stdoutPath, wish.stderrPath]) {
        if (executor.fileless === true) await assert.rejects(readFile(file), /ENOENT/)
        else assert.equal(await readFile(file, 'utf8'), '')
      }
    })

    test('runs at once only what ends so, and then says the same', async (t) => {
      const { executor, request } = await setUp(t)
      assert.equal(executor.runAtOnce?.(fixture.endless.params), undefined)
      const outcome = executor.runAtOnce?.(fixture.succeed.params)
      if (outcome !== undefined) assert.deepEqual(outcome, await executor.run(request(fixture.succeed), IGNORE, NEVER))
    })

    test('runs many jobs, one after another and at once', async (t) => {
      const { executor, request } = await setUp(t)
      const runs = () => [1, 2, 3].map(() => executor.run(request(fixture.succeed), IGNORE, NEVER))
      for (const outcome of [...(await Promise.all(runs())), ...(await Promise.all(runs()))])
        assert.deepEqual(outcome, { kind: 'exited', exitCode: 0 })
    })

    test('ends a job when it is cancelled', async (t) => {
      const { executor, request } = await setUp(t)
      const cancel = new AbortController()
      const wish = request(fixture.endless)
      const { run, begun } = startEndless(executor, wish, cancel.signal)
      await begun
      cancel.abort()
      assert.equal(failureCode(await run), 'ExecutionCancelled')
      if (fixture.print) assert.equal(await readFile(wish.stdoutPath, 'utf8'), 'begun\n', 'partial output stays')
    })

    test('does not run a job that is cancelled already', async (t) => {
      const { executor, request } = await setUp(t)
      const outcome = await executor.run(request(fixture.endless), IGNORE, AbortSignal.abort())
      assert.equal(failureCode(outcome), 'ExecutionCancelled')
    })

    test('ends a job when its time is up', async (t) => {
      const { executor, request } = await setUp(t)
      const outcome = await executor.run(request(fixture.endless, { time: 200 }), IGNORE, NEVER)
      assert.equal(failureCode(outcome), 'ExecutionTimeout')
    })

    test('runs a job while another one goes on', async (t) => {
      const { executor, request } = await setUp(t)
      const cancel = new AbortController()
      const { run, begun } = startEndless(executor, request(fixture.endless), cancel.signal)
      await begun
      assert.deepEqual(await executor.run(request(fixture.succeed), IGNORE, NEVER), { kind: 'exited', exitCode: 0 })
      cancel.abort()
      assert.equal(failureCode(await run), 'ExecutionCancelled')
    })

    test('ends what runs when it is stopped; stopping twice is harmless', async (t) => {
      const { executor, request } = await setUp(t)
      const { run, begun } = startEndless(executor, request(fixture.endless), NEVER)
      await begun
      await Promise.all([executor.stop(), executor.stop()])
      assert.equal(failureCode(await run), 'ExecutionCancelled')
    })

    const { print } = fixture
    if (print === undefined) return

    test('keeps both streams apart, tells of them, and passes the exit code on', async (t) => {
      const { executor, request } = await setUp(t)
      const wish = request(print)
      let told = 0
      const outcome = await executor.run(wish, { onOutput: () => (told += 1) }, NEVER)
      assert.deepEqual(outcome, { kind: 'exited', exitCode: 7 })
      assert.equal(await readFile(wish.stdoutPath, 'utf8'), 'out\n')
      assert.equal(await readFile(wish.stderrPath, 'utf8'), 'err\n')
      assert.ok(told > 0)
    })

    test('shows output while the job runs', async (t) => {
      const { executor, request } = await setUp(t)
      const cancel = new AbortController()
      const wish = request(fixture.endless)
      const { run, begun } = startEndless(executor, wish, cancel.signal)
      await begun
      assert.equal(await readFile(wish.stdoutPath, 'utf8'), 'begun\n')
      cancel.abort()
      await run
    })
  })
}

function failureCode(outcome: ExecutionOutcome): string {
  return outcome.kind === 'failed' ? outcome.code : `exit ${outcome.exitCode}`
}
