// What a long queue costs an orchestrator whose only compute node is busy: `--jobs` jobs (1000) of `--count` tasks (1000), then
// `--singles` single jobs (10000) on new nodes, watched for `--idle` seconds (20). Linux only: reads /proc.
import { parseArgs } from 'node:util'
import type { Job, Page } from '@bacalhau/models'
import type { NodeProcess, World } from '../packages/bacalhau/test/program.ts'
import { bench, sleep } from './bench.ts'
import { Connections } from './http.ts'
import { JOBS, noopJob, request, submitMany } from './load.ts'
import { occupy } from './nodes.ts'
import { cpuSeconds, residentMegabytes } from './process.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    count: { type: 'string', default: '1000' },
    singles: { type: 'string', default: '10000' },
    idle: { type: 'string', default: '20' },
  },
})
const [jobs, count, singles, idle] = [
  Number(values.jobs),
  Number(values.count),
  Number(values.singles),
  Number(values.idle),
]

await bench(`Scale: ${jobs} jobs of ${count} tasks; ${singles} single jobs`, async (newWorld) => {
  if (jobs > 0) await queue(await newWorld(), noopJob({ count }), jobs, `${jobs * count} queued tasks`, 'under 400 MB')
  if (singles > 0) await queue(await newWorld(), noopJob(), singles, `${singles} queued jobs`, 'under 250 MB')
})

async function queue(world: World, job: object, count: number, what: string, goal: string): Promise<void> {
  const { orchestrator } = await world.swarm()
  const api = new Connections(orchestrator.apiUrl, 16)
  const pid = orchestrator.child.pid ?? 0
  await occupy(api)
  const before = await residentMegabytes(pid)
  const begin = performance.now()
  const { times } = await submitMany(api, request(job), count, 16)
  fact(
    `${what}: submitted`,
    `${((count / (performance.now() - begin)) * 1_000).toFixed(0)} /s`,
    '-',
    `(p99 ${show(summarise(times).p99, 'ms')})`,
  )
  const share = await idleShare(orchestrator)
  const memory = await residentMegabytes(pid)
  fact(`${what}: memory of the orchestrator`, show(memory, 'MB'), goal, `(${show(before, 'MB')} before)`)
  fact(`${what}: processor while idle over ${idle} s`, show(share, '%'), 'under 1 % of a core')
  for (const [limit, query] of [
    [10, 'limit=10'],
    [100, 'limit=100&reverse=true'],
  ] as const) {
    report(`${what}: a page of ${limit}`, summarise(await pageTimes(api, query)), 'ms', 'under 20 ms')
  }
  api.close()
}

async function pageTimes(api: Connections, query: string): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < 55; run++) {
    const begin = performance.now()
    const { Items } = await api.json<Page<Job>>('GET', `${JOBS}?${query}`)
    if (Items.length === 0) throw new Error('an empty page')
    // The first ones warm caches and compilers.
    if (run >= 5) times.push(performance.now() - begin)
  }
  return times
}

/** Percent of a core, once what the submissions left to do is done. */
async function idleShare({ child }: NodeProcess): Promise<number> {
  const pid = child.pid ?? 0
  await sleep(5_000)
  const before = await cpuSeconds(pid)
  await sleep(idle * 1_000)
  return (((await cpuSeconds(pid)) - before) / idle) * 100
}
