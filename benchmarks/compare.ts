// The same submissions to another program that speaks the v1.9 REST API: `BACALHAU_GO=/path/to/bacalhau` names the binary of the
// Go program; the two take turns, both roles in one process each, `--runs` times (3), `--jobs` single jobs (1000) and `--large`
// ones with an 82 kB module (300), 16 submissions at a time. Without the binary it prints what was measured of Bacalhau v1.9.3
// on two cores of an AMD EPYC, beside our own figures on this machine: then the ratios are only a hint.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Job } from '@bacalhau/models'
import { freePorts, type World } from '../packages/bacalhau/test/program.ts'
import { bench, sleep } from './bench.ts'
import { Connections } from './http.ts'
import { isOver, JOBS, paddedModule, request, submitMany, wallClock, wasmJob } from './load.ts'
import { cpuSeconds, residentMegabytes } from './process.ts'
import { fact, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    large: { type: 'string', default: '300' },
    runs: { type: 'string', default: '3' },
  },
})
const runs = Number(values.runs)
const binary = process.env['BACALHAU_GO']
const CONCURRENCY = 16

interface Figures {
  readonly rate: number
  readonly cpu: number
  readonly memory: number
}

/** Bacalhau v1.9.3, one process with both roles, burst of 1,000 (300) jobs, 16 at a time; medians of three runs. */
const PUBLISHED: Readonly<Record<string, Figures>> = {
  'no-op module': { rate: 49.8, cpu: 31.1, memory: 1_180 },
  '82 kB module': { rate: 11.3, cpu: 160, memory: 1_320 },
}

interface Server {
  readonly apiUrl: string
  readonly pid: number
  stop(): Promise<void>
}

await bench(`Comparison: ${runs} runs, in turns`, async (newWorld) => {
  for (const [what, module, count] of [
    ['no-op module', exitZero(), Number(values.jobs)],
    ['82 kB module', paddedModule(82_000, exitZero()), Number(values.large)],
  ] as const) {
    const [ours, theirs]: [Figures[], Figures[]] = [[], []]
    for (let run = 0; run < runs && count > 0; run++) {
      ours.push(await measure(await startOurs(await newWorld()), module, count))
      if (binary !== undefined) theirs.push(await measure(await startGo(binary), module, count))
    }
    tell(what, ours, theirs.length > 0 ? theirs : [PUBLISHED[what] ?? { rate: 0, cpu: 0, memory: 0 }])
  }
})

function tell(what: string, ours: readonly Figures[], theirs: readonly Figures[]): void {
  const label = binary === undefined ? 'Go v1.9.3 as published' : 'Go'
  for (const [key, unit, words] of [
    ['rate', '/s', 'jobs a second'],
    ['cpu', 'ms', 'processor time a job'],
    ['memory', 'MB', 'memory afterwards'],
  ] as const) {
    const [a, b] = [ours, theirs].map((all) => summarise(all.map((figures) => figures[key])).median)
    if (a === undefined || b === undefined) continue
    const ratio = key === 'rate' ? a / b : b / a
    fact(`${what}: ${words}`, show(a, unit), '-', `(${label}: ${show(b, unit)}; ${ratio.toFixed(1)} times better)`)
  }
}

/** The module of the published figures: it calls `proc_exit(0)`, which the Go program needs, and it has a name section. */
function exitZero(): Buffer {
  const section = (id: number, ...bytes: number[]) => [id, bytes.length, ...bytes]
  const text = (words: string) => [words.length, ...Buffer.from(words)]
  return Buffer.from([
    ...Buffer.from('\0asm\x01\0\0\0', 'latin1'),
    ...section(1, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0),
    ...section(2, 1, ...text('wasi_snapshot_preview1'), ...text('proc_exit'), 0, 0),
    ...section(3, 1, 1),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...text('memory'), 2, 0, ...text('_start'), 0, 1),
    ...section(10, 1, 6, 0, 0x41, 0, 0x10, 0, 0x0b),
    ...section(0, ...text('name'), 0, 5, ...text('noop')),
  ])
}

async function measure(server: Server, module: Buffer, count: number): Promise<Figures> {
  const api = new Connections(server.apiUrl, CONCURRENCY)
  try {
    const body = request(wasmJob(module))
    const warm = await submitMany(api, body, 5, 1)
    await allDone(api, warm.ids)
    const before = await cpuSeconds(server.pid)
    const begin = wallClock()
    const { ids } = await submitMany(api, body, count, CONCURRENCY)
    const end = await allDone(api, ids)
    const cpu = (((await cpuSeconds(server.pid)) - before) * 1_000) / count
    return { rate: (count / (end - begin)) * 1_000, cpu, memory: await residentMegabytes(server.pid) }
  } finally {
    api.close()
    await server.stop()
  }
}

/** Asks now and then, as v1.9 knows no other way, and answers with the time of the last completion by the server's clock. */
async function allDone(api: Connections, ids: readonly string[]): Promise<number> {
  let end = 0
  for (const id of ids) {
    for (;;) {
      const { Job } = await api.json<{ Job: Job }>('GET', `${JOBS}/${id}`)
      end = Math.max(end, Job.ModifyTime / 1e6)
      if (Job.State.StateType === 'Completed') break
      if (isOver(Job)) throw new Error(`${id} is ${Job.State.StateType}: ${Job.State.Message}`)
      await sleep(20)
    }
  }
  return end
}

async function startOurs(world: World): Promise<Server> {
  const node = await world.node('both')
  return { apiUrl: node.apiUrl, pid: node.child.pid ?? 0, stop: async () => void (await node.stop()) }
}

/** With nothing that leaves the machine: no analytics, no update check, a home of its own, all ports on loopback. */
async function startGo(binary: string): Promise<Server> {
  const home = await mkdtemp(path.join(tmpdir(), 'bacalhau-go-'))
  const [api = 0, nats = 0, publisher = 0] = await freePorts(3)
  const settings = [
    'API.Host=127.0.0.1',
    `API.Port=${api}`,
    'Orchestrator.Host=127.0.0.1',
    `Orchestrator.Port=${nats}`,
    `Compute.Orchestrators=nats://127.0.0.1:${nats}`,
    'Publishers.Types.Local.Address=127.0.0.1',
    `Publishers.Types.Local.Port=${publisher}`,
    'Compute.AllocatedCapacity.CPU=1000',
    'Compute.AllocatedCapacity.Memory=1000GB',
    'Compute.AllocatedCapacity.Disk=1000GB',
  ]
  const child = spawn(binary, ['serve', '--orchestrator', '--compute', ...settings.flatMap((pair) => ['-c', pair])], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      XDG_CONFIG_HOME: home,
      TMPDIR: home,
      BACALHAU_DIR: path.join(home, 'data'),
      BACALHAU_DISABLEANALYTICS: 'true',
      BACALHAU_UPDATECONFIG_INTERVAL: '0',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  })
  const stop = () => endGo(child, home)
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.removeListener('exit', end))
  const server = { apiUrl: `http://127.0.0.1:${api}`, pid: child.pid ?? 0, stop }
  try {
    await connected(server.apiUrl)
    return server
  } catch (error) {
    await stop()
    throw error
  }
}

async function connected(apiUrl: string): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const answer = await fetch(`${apiUrl}/api/v1/orchestrator/nodes`).catch(() => undefined)
    if (answer?.ok === true && (await answer.text()).includes('"CONNECTED"')) return
    await sleep(100)
  }
  throw new Error('the Go program was not ready within 30 s')
}

async function endGo(child: ChildProcess, home: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  await rm(home, { recursive: true, force: true })
}
