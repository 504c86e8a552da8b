// What running a container costs beyond the engine itself, in turn with the engine's own calls for the same container: from
// submission to known result over the REST API, an orchestrator and a compute node in two processes (`--jobs <n>`, 30); and how
// fast a container's output goes through to a follower of its log (`--megabytes <n>`, 100). The engine is the one that tests use.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createClient } from '@bacalhau/client'
import { connectEngine, type Engine } from '../packages/bacalhau/src/executors/docker/engine/engine.ts'
import { IMAGE, startTestEngine } from '../packages/bacalhau/src/executors/docker/fixtures/engine.ts'
import { createWorld } from '../packages/bacalhau/test/program.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '30' }, megabytes: { type: 'string', default: '100' } },
})
const [jobs, megabytes] = [Number(values.jobs), Number(values.megabytes)]
const never = new AbortController().signal
const WARM_UP = 3
/** Lines of 64 characters. */
const flood = `yes ${'x'.repeat(63)} | head -c ${megabytes}000000`

type Client = ReturnType<typeof createClient>

async function overhead(engine: Engine, client: Client): Promise<void> {
  const [plain, ours, more]: number[][] = [[], [], []]
  for (let run = 0; run < jobs + WARM_UP; run++) {
    const theirs = await timed(() => runPlain(engine, ['true']))
    const own = await timed(() => runJob(client, 'true'))
    if (run < WARM_UP) continue
    plain?.push(theirs)
    ours?.push(own)
    more?.push(own - theirs)
  }
  report('the engine alone: create, start, wait, remove', summarise(plain ?? []), 'ms', '-')
  report('submit to result known', summarise(ours ?? []), 'ms', '-')
  report('the difference of each pair', summarise(more ?? []), 'ms', 'under 60 ms')
}

async function logs(engine: Engine, client: Client): Promise<void> {
  const ratios: number[] = []
  for (let run = 0; run < 3; run++) {
    const theirs = await timed(() => followPlain(engine))
    const own = await timed(() => followJob(client))
    ratios.push(theirs / own)
    fact(
      `${megabytes} MB of output, attach : our follower`,
      `${show(megabytes / (theirs / 1_000), 'MB/s')} : ${show(megabytes / (own / 1_000), 'MB/s')}`,
    )
  }
  fact('our follower, share of what attach delivers', show(summarise(ratios).median * 100, '%'), 'over 80 %')
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

function create(engine: Engine, command: readonly string[]): Promise<string> {
  const config = { Image: IMAGE, Cmd: command, NetworkDisabled: true, HostConfig: { NetworkMode: 'none' } }
  return engine.create(`benchmark-${randomUUID()}`, config, never)
}

async function runPlain(engine: Engine, command: readonly string[]): Promise<void> {
  const id = await create(engine, command)
  await engine.start(id, never)
  await engine.wait(id, never)
  await engine.remove(id)
}

async function followPlain(engine: Engine): Promise<void> {
  const id = await create(engine, ['sh', '-c', flood])
  const output = await engine.attach(id, never)
  await engine.start(id, never)
  let bytes = 0
  for await (const chunk of output) bytes += (chunk as Buffer).length
  if (bytes < megabytes * 1e6) throw new Error(`attach gave ${bytes} bytes`)
  await engine.remove(id)
}

const job = (command: string) => ({
  Type: 'batch',
  Tasks: [
    {
      Name: 'main',
      Engine: { Type: 'docker', Params: { Image: IMAGE, Entrypoint: ['/bin/sh', '-c'], Parameters: [command] } },
      Resources: { CPU: '1', Memory: '64Mi' },
    },
  ],
})

async function runJob(client: Client, command: string): Promise<void> {
  const { JobID } = await client.jobs.submit(job(command))
  const { State } = await client.jobs.wait(JobID)
  if (State.StateType !== 'Completed') throw new Error(State.Message)
}

async function followJob(client: Client): Promise<void> {
  const { JobID } = await client.jobs.submit(job(flood))
  let bytes = 0
  for await (const { text } of client.jobs.logs(JobID, { follow: true })) bytes += text.length
  if (bytes < megabytes * 1e6) throw new Error(`the log gave ${bytes} bytes`)
}

const started = await startTestEngine()
if (typeof started === 'string') {
  console.log(`skipped: ${started}`)
} else {
  const world = await createWorld()
  try {
    const engine = await connectEngine(started.address, never)
    const { orchestrator } = await world.swarm({ DOCKER_HOST: started.address.name })
    const client = createClient({ baseUrl: orchestrator.apiUrl })
    await overhead(engine, client)
    await logs(engine, client)
  } finally {
    await world.end()
    await started.stop()
  }
}
