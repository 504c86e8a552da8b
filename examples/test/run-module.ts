import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { ExecutionLimits, Executor, Mount } from '../../packages/bacalhau/src/executors/executor.ts'
import { createWasmExecutor } from '../../packages/bacalhau/src/executors/wasm/executor.ts'
import { systemClock } from '../../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../../packages/bacalhau/src/runtime/logger.ts'

export const EXAMPLES = path.join(import.meta.dirname, '..')

/** Where the module of an example lies. */
export const modulePath = (name: string): string => path.join(EXAMPLES, name, `${name}.wasm`)

/** Plenty for every example, little enough that a runaway one ends soon. Bytes and milliseconds. */
const LIMITS: ExecutionLimits = { memory: 64 * 2 ** 20, time: 60_000, output: 2 ** 20, disk: 2 ** 24, files: 100 }

export interface ModuleRun {
  /** `Params` of the engine, as in a spec. */
  readonly params: Readonly<Record<string, unknown>>
  /** Host paths by where the job sees them. Read-only. */
  readonly inputs: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly limits?: Partial<ExecutionLimits>
}

export interface ModuleEnd {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs modules in the sandbox of the node. Each run leaves its result files in `outputs`, beside those of earlier runs. */
export interface Bench extends AsyncDisposable {
  /** Private and empty: for inputs that a test writes. */
  readonly scratch: string
  readonly outputs: string
  run(run: ModuleRun): Promise<ModuleEnd>
  /** Runs the module of an example over what the test put into `scratch`. */
  runExample(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ModuleEnd>
  /** The same where nothing may go wrong; gives the standard output. */
  succeed(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>
}

const MODULE = '/app/main.wasm'

/** The sandbox, as a node has it. The caller stops it. */
export const openSandbox = (): Executor => createWasmExecutor({ clock: systemClock, logger: silentLogger })

export async function openBench(executor: Executor): Promise<Bench> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'example-'))
  const [scratch, outputs] = [path.join(root, 'scratch'), path.join(root, 'outputs')]
  await Promise.all([mkdir(scratch), mkdir(outputs)])
  let runs = 0
  const run = (run: ModuleRun) => execute(executor, run, outputs, path.join(root, `run-${++runs}`))
  const runExample: Bench['runExample'] = (name, args, env = {}) => {
    const inputs = { [MODULE]: modulePath(name), '/inputs': scratch }
    return run({ params: { EntryModule: MODULE, Entrypoint: '_start', Parameters: args }, inputs, env })
  }
  return {
    scratch,
    outputs,
    run,
    runExample,
    async succeed(...args) {
      const { stdout, ...rest } = await runExample(...args)
      assert.deepEqual(rest, { exitCode: 0, stderr: '' })
      return stdout
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

async function execute(executor: Executor, run: ModuleRun, outputs: string, name: string): Promise<ModuleEnd> {
  const mounts: Mount[] = Object.entries(run.inputs).map(([guestPath, hostPath]) => ({
    hostPath,
    guestPath,
    readOnly: true,
  }))
  const [stdoutPath, stderrPath] = [`${name}.stdout`, `${name}.stderr`]
  const outcome = await executor.run(
    {
      executionId: `e-${path.basename(name)}`,
      jobId: 'j-example',
      params: run.params,
      env: run.env ?? {},
      mounts: [...mounts, { hostPath: outputs, guestPath: '/outputs', readOnly: false }],
      stdoutPath,
      stderrPath,
      limits: { ...LIMITS, ...run.limits },
    },
    { onOutput: () => {} },
    new AbortController().signal,
  )
  if (outcome.kind === 'failed') throw new Error(`${outcome.code}: ${outcome.message}`)
  const [stdout, stderr] = await Promise.all([readFile(stdoutPath, 'utf8'), readFile(stderrPath, 'utf8')])
  return { exitCode: outcome.exitCode, stdout, stderr }
}
