// How long a node takes from the start of its process to its first answer, and what it costs while it has nothing to do.
// `--idle <seconds>` sets how long it is watched (15). Linux only: reads /proc.
import { parseArgs } from 'node:util'
import { createWorld, until } from '../packages/bacalhau/test/program.ts'
import { cpuSeconds, residentMegabytes } from './process.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({
  options: { idle: { type: 'string', default: '15' }, runs: { type: 'string', default: '7' } },
})
const world = await createWorld()
try {
  await measureStart('serve to agent/alive, new data folder', Number(values.runs), (run) => `new-${run}`)
  await measureStart('serve to agent/alive, existing data folder', Number(values.runs), () => 'again')
  await measureIdle(Number(values.idle))
} finally {
  await world.end()
}

async function measureStart(what: string, runs: number, folder: (run: number) => string): Promise<void> {
  const times: number[] = []
  for (let run = 0; run <= runs; run++) {
    const begin = performance.now()
    const node = await world.node(folder(run))
    await until(async () => (await fetch(`${node.apiUrl}/api/v1/agent/alive`)).ok)
    // The first run warms the page cache and is not counted.
    if (run > 0) times.push(performance.now() - begin)
    await node.stop()
  }
  report(what, summarise(times), 'ms', 'under 1000 ms')
}

async function measureIdle(seconds: number): Promise<void> {
  const node = await world.node('idle')
  const pid = node.child.pid ?? 0
  // Start-up work, such as collecting garbage, is over by then.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  const before = await cpuSeconds(pid)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  const share = (((await cpuSeconds(pid)) - before) / seconds) * 100
  const once = (value: number) => summarise([value])
  report('idle memory (RSS), both roles', once(await residentMegabytes(pid)), 'MB', 'under 130 MB')
  report(`idle CPU over ${seconds} s, both roles`, once(share), '% of a core', 'under 1 %')
  await node.stop()
}
