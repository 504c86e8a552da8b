// Jobs a second from submission to Completed: one orchestrator and one compute node in two processes on loopback, stores on
// disk, every change synced before it is acknowledged. `--tasks`, `--jobs`, `--wasm`, `--large` set the sizes of the four loads
// (0 leaves one out), `--runs` how often each is measured, on new nodes, and `--profile <folder>` lets the nodes write CPU
// profiles. Linux only: reads /proc.
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { NodeProcess, Swarm } from '../packages/bacalhau/test/program.ts'
import { RETURNS } from '../packages/bacalhau/test/wasm-modules.ts'
import { bench, sleep } from './bench.ts'
import { Connections } from './http.ts'
import { completion, ended, newest, noopJob, paddedModule, request, submitMany, wallClock, wasmJob } from './load.ts'
import { cpuSeconds, folderBytes, openFiles, residentMegabytes } from './process.ts'
import { fact, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    jobs: { type: 'string', default: '10000' },
    wasm: { type: 'string', default: '5000' },
    large: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '64' },
    runs: { type: 'string', default: '3' },
    profile: { type: 'string' },
  },
})
const [tasks, jobs, wasm, large, concurrency, runs] = [
  Number(values.tasks),
  Number(values.jobs),
  Number(values.wasm),
  Number(values.large),
  Number(values.concurrency),
  Number(values.runs),
]

/** Written when a node ends in order. */
const profile =
  values.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${path.resolve(values.profile)}` }

/** What one load reached. CPU in milliseconds a job or task. */
interface Figures {
  readonly rate: number
  readonly accepted: number
  readonly orchestrator: number
  readonly compute: number
  readonly client: number
}

await bench(`Throughput: ${runs} runs, ${concurrency} submissions at a time`, async (newWorld) => {
  const measure = async (what: string, goal: string, load: (swarm: Swarm) => Promise<Figures>) => {
    const all: Figures[] = []
    for (let run = 0; run < runs; run++) {
      const swarm = await (await newWorld()).swarm(profile)
      all.push(await load(swarm))
      if (values.profile !== undefined) for (const node of [swarm.compute, swarm.orchestrator]) await node.stop()
    }
    tell(what, goal, all)
  }
  if (tasks > 0) await measure(`task array of ${tasks}, noop`, '5000 tasks/s', (swarm) => array(swarm, tasks))
  if (jobs > 0) await measure(`${jobs} single jobs, noop`, '1000 jobs/s', (swarm) => noopJobs(swarm, jobs))
  for (const [count, module, goal] of [
    [wasm, RETURNS, '500 jobs/s'],
    [large, paddedModule(82_000), '300 jobs/s'],
  ] as const) {
    const what = `${count} WebAssembly jobs, module of ${module.length} bytes`
    if (count > 0) await measure(what, goal, (swarm) => singles(swarm, request(wasmJob(module)), count))
  }
})

function tell(what: string, goal: string, all: readonly Figures[]): void {
  const of = (key: keyof Figures) => summarise(all.map((figures) => figures[key]))
  const { median, least, most } = of('rate')
  fact(what, `${median.toFixed(0)} /s`, `${goal} or more`, `(${least.toFixed(0)} to ${most.toFixed(0)})`)
  if (of('accepted').median > 0) fact('  accepted', `${of('accepted').median.toFixed(0)} /s`)
  for (const who of ['orchestrator', 'compute', 'client'] as const) {
    fact(`  CPU for each, ${who}`, show(of(who).median, 'ms'))
  }
}

async function array(swarm: Swarm, count: number): Promise<Figures> {
  return withApi(swarm, async (api) => {
    const cost = await costs(swarm)
    const begin = wallClock()
    const { ids } = await submitMany(api, request(noopJob({ count })), 1, 1)
    const end = completion([await ended(api, ids[0] ?? '')])
    return { rate: perSecond(count, begin, end), accepted: 0, ...(await cost(count)) }
  })
}

/** Submits all at once, waits for the last to end, then makes sure of all. */
async function singles(swarm: Swarm, body: Buffer, count: number): Promise<Figures> {
  return withApi(swarm, async (api) => {
    const cost = await costs(swarm)
    const begin = wallClock()
    const { ids } = await submitMany(api, body, count, concurrency)
    const accepted = perSecond(count, begin, wallClock())
    for (const id of ids.slice(-concurrency)) await ended(api, id)
    const spent = await cost(count)
    return { rate: perSecond(count, begin, completion(await newest(api, count))), accepted, ...spent }
  })
}

/** The same in two parts, with a look at what stays behind in each process after a tenth of the jobs and after all. */
async function noopJobs(swarm: Swarm, count: number): Promise<Figures> {
  const body = request(noopJob())
  await singles(swarm, body, Math.round(count / 10))
  const early = await remains(swarm)
  const figures = await singles(swarm, body, count - Math.round(count / 10))
  const late = await remains(swarm)
  const [orchestrator, compute] = [swarm.orchestrator, swarm.compute]
  for (const who of ['orchestrator', 'compute'] as const) {
    const words = ({ memory, files }: Remains) => `${memory.toFixed(0)} MB, ${files} files open`
    console.log(
      `  ${who} after ${Math.round(count / 10)} jobs: ${words(early[who])}; after ${count}: ${words(late[who])}`,
    )
  }
  // A store that is closed has its write-ahead log folded in.
  await compute.stop()
  await orchestrator.stop()
  for (const who of ['orchestrator', 'compute'] as const) {
    const kilobytes = (await folderBytes(swarm[who].dataDir)) / 1e3 / count
    console.log(`  ${who}, on disk for each finished job: ${show(kilobytes, 'kB')}`)
  }
  return figures
}

interface Remains {
  readonly memory: number
  readonly files: number
}

async function remains(swarm: Swarm): Promise<Record<keyof Swarm, Remains>> {
  // By then the node has seen that it idles, and has given back what the work has left behind.
  await sleep(12_000)
  const of = async ({ child }: NodeProcess): Promise<Remains> => {
    const pid = child.pid ?? 0
    return { memory: await residentMegabytes(pid), files: await openFiles(pid) }
  }
  return { orchestrator: await of(swarm.orchestrator), compute: await of(swarm.compute) }
}

/** Begins to count processor time; the answer gives milliseconds for each of `count`. */
async function costs({ orchestrator, compute }: Swarm) {
  const pids = [orchestrator, compute].map(({ child }) => child.pid ?? 0)
  const read = () => Promise.all(pids.map(cpuSeconds))
  const before = await read()
  const own = process.cpuUsage()
  return async (count: number) => {
    const after = await read()
    const { user, system } = process.cpuUsage(own)
    const each = (index: number) => (((after[index] ?? 0) - (before[index] ?? 0)) * 1_000) / count
    return { orchestrator: each(0), compute: each(1), client: (user + system) / 1_000 / count }
  }
}

async function withApi<T>({ orchestrator }: Swarm, use: (api: Connections) => Promise<T>): Promise<T> {
  const api = new Connections(orchestrator.apiUrl, concurrency)
  try {
    return await use(api)
  } finally {
    api.close()
  }
}

function perSecond(count: number, begin: number, end: number): number {
  return (count / (end - begin)) * 1_000
}
