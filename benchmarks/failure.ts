// How fast failures are noticed and made good: compute nodes that are killed or fall silent, an orchestrator that is killed with
// a long queue, a node of both roles that is killed again and again. `--runs` (5) sets how often the first ones are measured,
// `--jobs` (10000) how many wait while the orchestrator restarts, `--kills` (10) how often the last one is killed.
import { parseArgs } from 'node:util'
import { type Execution, EXECUTION_STATES, type Page, type PutJobResponse } from '@bacalhau/models'
import { freePorts, type NodeProcess, type World } from '../packages/bacalhau/test/program.ts'
import { bench, sleep } from './bench.ts'
import { Connections } from './http.ts'
import { ended, JOBS, noopJob, request, submitMany } from './load.ts'
import { connectionOf, occupy, stateOf, timeUntil } from './nodes.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    jobs: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '10' },
  },
})
const [runs, jobs, kills] = [Number(values.runs), Number(values.jobs), Number(values.kills)]

await bench(`Failures: ${runs} runs; ${jobs} open jobs; ${kills} kills of a single node`, async (newWorld) => {
  if (runs > 0) {
    await lostNodes(await newWorld(), 'killed (closed connection)', 'SIGKILL', 'under 1000 ms')
    await lostNodes(await newWorld(), 'silent (SIGSTOP)', 'SIGSTOP', 'under 5000 ms')
  }
  if (jobs > 0) await restartedOrchestrator(await newWorld())
  if (kills > 0) await singleNode(await newWorld())
})

async function lostNodes(world: World, what: string, signal: 'SIGKILL' | 'SIGSTOP', goal: string): Promise<void> {
  const orchestrator = await world.node('orchestrator', ['--orchestrator'])
  const api = new Connections(orchestrator.apiUrl, 4)
  const begin = (name: string) => world.node(name, ['--compute', '--peer', orchestrator.addresses[0] ?? ''])
  const nodes = new Map<string, NodeProcess>()
  const [noticed, replaced]: [number[], number[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    for (const name of ['east', 'west']) if (!nodes.has(name)) nodes.set(name, await begin(name))
    for (const node of nodes.values()) await timeUntil(async () => (await connectionOf(api, node)) === 'CONNECTED')
    const { JobID } = await api.json<PutJobResponse>('PUT', JOBS, request(noopJob({ delay: 600_000 })))
    await timeUntil(async () => (await runningOn(api, JobID)) !== undefined)
    const at = await runningOn(api, JobID)
    const [name, lost] = [...nodes].find(([, { peerId }]) => peerId === at) ?? []
    if (name === undefined || lost === undefined) throw new Error(`${JobID} runs on ${at}`)
    lost.child.kill(signal)
    noticed.push(await timeUntil(async () => (await connectionOf(api, lost)) === 'DISCONNECTED'))
    replaced.push(await timeUntil(async () => ![undefined, at].includes(await runningOn(api, JobID))))
    await api.json('DELETE', `${JOBS}/${JobID}`)
    await lost.kill()
    nodes.delete(name)
  }
  report(`compute node ${what} to DISCONNECTED`, summarise(noticed), 'ms', goal)
  report('  from there to running elsewhere', summarise(replaced), 'ms', 'under 5000 ms')
  api.close()
}

/** The node on which the job runs now, as far as the orchestrator has heard. */
async function runningOn(api: Connections, id: string): Promise<string | undefined> {
  const { Items } = await api.json<Page<Execution>>('GET', `${JOBS}/${id}/executions`)
  return Items.find(({ ComputeState }) => ComputeState.StateType === EXECUTION_STATES.Running)?.NodeID
}

async function restartedOrchestrator(world: World): Promise<void> {
  const [port, apiPort] = await freePorts(2)
  const args = ['--orchestrator', '--port', String(port), '--api-port', String(apiPort)]
  const first = await world.node('orchestrator', args)
  const api = new Connections(first.apiUrl, 16)
  const compute = await world.node('compute', ['--compute', '--peer', first.addresses[0] ?? ''])
  await timeUntil(async () => (await connectionOf(api, compute)) === 'CONNECTED')
  await occupy(api)
  const { ids } = await submitMany(api, request(noopJob()), jobs, 16)
  await first.kill()
  const begin = performance.now()
  const again = world.node('orchestrator', args)
  await timeUntil(async () => (await stateOf(api, ids.at(-1) ?? '')) !== '')
  const serving = performance.now() - begin
  await timeUntil(async () => (await connectionOf(api, compute)) === 'CONNECTED')
  const connected = performance.now() - begin
  await again
  fact(`orchestrator with ${jobs} open jobs, start to answer`, show(serving, 'ms'), 'under 3000 ms')
  fact('  from there until its compute node is back', show(connected - serving, 'ms'), 'under 2000 ms')

  const joining = await world.node('joining', ['--compute', '--peer', first.addresses[0] ?? ''])
  const join = performance.now()
  await timeUntil(async () => (await connectionOf(api, joining)) === 'CONNECTED')
  const joined = performance.now() - join
  const work = await timeUntil(async () => (await stateOf(api, ids[0] ?? '')) === 'Completed')
  fact(
    'a node that joins: connected to first queued job done',
    show(work, 'ms'),
    'at once',
    `(connected after ${show(joined, 'ms')})`,
  )
  for (const id of ids.slice(-4)) await ended(api, id)
  fact(`  all ${jobs} done`, show((performance.now() - join) / 1_000, 's'))
  api.close()
}

async function singleNode(world: World): Promise<void> {
  const [port, apiPort] = await freePorts(2)
  const args = ['--port', String(port), '--api-port', String(apiPort)]
  let node = await world.node('single', args)
  const api = new Connections(node.apiUrl, 4)
  const body = request(noopJob({ count: 4, delay: 1_500 }))
  const { ids } = await submitMany(api, body, 10, 1)
  for (let kill = 0; kill < kills; kill++) {
    await sleep(700)
    await node.kill()
    node = await world.node('single', args)
  }
  const states = await Promise.all(ids.map(async (id) => (await ended(api, id)).State.StateType))
  const completed = states.filter((state) => state === 'Completed').length
  fact(`jobs of a node killed ${kills} times that complete`, `${completed} of ${ids.length}`, 'all')
  api.close()
}
