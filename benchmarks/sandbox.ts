// The WebAssembly sandbox: what it takes to start a job in it, and what a long computation costs in it, against plain
// WebAssembly in the same Node. `--runs <n>` sets how many pairs of each computation are timed (7).
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createWasmExecutor } from '../packages/bacalhau/src/executors/wasm/executor.ts'
import { program } from '../packages/bacalhau/src/executors/wasm/fixtures/module-builder.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '7' } } })
const COMPUTE = path.join(import.meta.dirname, 'modules/compute.wasm')
const PLAIN = path.join(import.meta.dirname, 'plain-wasm.ts')

const folder = await mkdtemp(path.join(tmpdir(), 'sandbox-bench-'))
const executor = createWasmExecutor({ clock: systemClock, logger: silentLogger })
try {
  await measureStart()
  await measureCompute('sieve of 8 million', ['sieve', '4'])
  await measureCompute('matrix product 320 x 320', ['matrix', '10'])
  await measureCompute('one long loop in one call', ['loop', '200'])
} finally {
  await executor.stop()
  await rm(folder, { recursive: true })
}

/** Milliseconds that one run takes, from the call to its outcome. */
async function timeInSandbox(module: string, args: readonly string[]): Promise<number> {
  const begin = performance.now()
  const outcome = await executor.run(
    {
      executionId: 'e',
      jobId: 'j',
      params: { EntryModule: '/main.wasm', Parameters: args },
      env: {},
      mounts: [{ hostPath: module, guestPath: '/main.wasm', readOnly: true }],
      stdoutPath: path.join(folder, 'stdout'),
      stderrPath: path.join(folder, 'stderr'),
      limits: { memory: 64 << 20, time: 600_000, output: 1 << 20, disk: 0, files: 0 },
    },
    { onOutput: () => {} },
    new AbortController().signal,
  )
  if (outcome.kind === 'failed' || outcome.exitCode !== 0) throw new Error(`the run failed: ${JSON.stringify(outcome)}`)
  return performance.now() - begin
}

async function measureStart(): Promise<void> {
  const empty = path.join(folder, 'empty.wasm')
  await writeFile(empty, program([]))
  for (let warmUp = 0; warmUp < 20; warmUp++) await timeInSandbox(empty, [])
  const times: number[] = []
  for (let run = 0; run < 200; run++) times.push(await timeInSandbox(empty, []))
  report('an empty module, from call to outcome (warm)', summarise(times), 'ms', 'under 5 ms')
}

/** The two take turns, so that a busy machine slows both; the ratio of the medians is what counts. */
async function measureCompute(what: string, args: readonly string[]): Promise<void> {
  const [ours, plain]: [number[], number[]] = [[], []]
  await timeInSandbox(COMPUTE, args)
  for (let run = 0; run < Number(values.runs); run++) {
    ours.push(await timeInSandbox(COMPUTE, args))
    plain.push(timePlain(args))
  }
  const [sandbox, bare] = [summarise(ours), summarise(plain)]
  console.log(
    `${what} in the sandbox : plain`.padEnd(52),
    `${(sandbox.median / bare.median).toFixed(3)} times   goal under 1.05 times`,
  )
  report('  in the sandbox', sandbox, 'ms', '-')
  report('  plain', bare, 'ms', '-')
}

function timePlain(args: readonly string[]): number {
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--no-warnings', PLAIN, COMPUTE, ...args], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`plain WebAssembly failed: ${stderr}`)
  return Number(stdout)
}
