// What the command costs before it does anything: whole processes of the release bundle behind its launcher, against
// `node -e 0` on the same Node. The two take turns, so that a busy machine slows both. `job list` asks a node on this machine,
// which is idle and has ten jobs. `--runs <n>` sets how many pairs (40).
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bacalhau, PROGRAM, startNode } from '../packages/bacalhau/test/program.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '40' } } })
const runs = Number(values.runs)
const folder = await mkdtemp(path.join(tmpdir(), 'cli-start-'))
const env = { PATH: process.env['PATH'], BACALHAU_PATH: folder }

try {
  for (const argv of [['--help'], ['id'], ['job', 'list', '--help'], ['version', '--client']]) {
    measure(`bacalhau ${argv.join(' ')}`, [PROGRAM, ...argv], 2.5)
  }
  const node = await startNode(path.join(folder, 'node'))
  try {
    const spec = '{"Type":"batch","Tasks":[{"Name":"main","Engine":{"Type":"noop"}}]}'
    for (let count = 0; count < 10; count++)
      await bacalhau(['job', 'run', '-', '--wait=false', ...node.api], { input: spec })
    measure('bacalhau job list', [PROGRAM, 'job', 'list', ...node.api], 3)
  } finally {
    await node.stop()
  }
} finally {
  await rm(folder, { recursive: true })
}

/** The ratio of each pair, and then the two times themselves. */
function measure(what: string, args: readonly string[], bound: number): void {
  const [ours, bare, ratios]: [number[], number[], number[]] = [[], [], []]
  // The first rounds make the keys, fill the compile cache and warm the page cache.
  for (let round = -3; round < runs; round++) {
    const [time, base] = [timeOf(args), timeOf(['-e', '0'])]
    if (round < 0) continue
    ours.push(time)
    bare.push(base)
    ratios.push(time / base)
  }
  report(`${what} : node -e 0`, summarise(ratios), 'times', `under ${bound} times`)
  report(`  ${what}`, summarise(ours), 'ms', '-')
  report('  node -e 0', summarise(bare), 'ms', '-')
}

function timeOf(args: readonly string[]): number {
  const begin = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`)
  return performance.now() - begin
}
