// A page of 50 jobs among `--jobs` stored ones (100,000): oldest first, newest first, by labels, of one namespace, page by page,
// and by time of change, each `--requests` times (500; the last one 5 times). Then what the REST API adds to a submission: the
// time from the request to its answer, next to the time of the same submission without HTTP, on a store of its own, in turns.
// The jobs stay queued, since there is no compute node.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Job, type Page, parseSubmission } from '@bacalhau/models'
import { nodeInfo } from '../packages/bacalhau/src/api/testing/api.ts'
import { createOrchestrator } from '../packages/bacalhau/src/orchestrator/orchestrator.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'
import { openSqliteStore } from '../packages/bacalhau/src/store/sqlite.ts'
import { bench } from './bench.ts'
import { Connections } from './http.ts'
import { JOBS, noopJob, request } from './load.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '100000' }, requests: { type: 'string', default: '500' } },
})
const [count, requests] = [Number(values.jobs), Number(values.requests)]
const BULK = 1_000

await bench(`Listings among ${count} jobs`, async (newWorld) => {
  const world = await newWorld()
  const orchestrator = await world.node('orchestrator', ['--orchestrator'])
  const api = new Connections(orchestrator.apiUrl, 4)
  await fill(api)
  for (const [name, query] of [
    ['oldest first', 'limit=50'],
    ['newest first', 'limit=50&reverse=true'],
    ['by a label of every 100th', 'limit=50&labels=kind%3Drare&reverse=true'],
    ['of one namespace', 'limit=50&namespace=n3&reverse=true'],
  ] as const) {
    await measure(name, requests, () => api.json<Page<Job>>('GET', `${JOBS}?${query}`))
  }
  let token = ''
  await measure('page by page', requests, async () => {
    const page = await api.json<Page<Job>>('GET', `${JOBS}?limit=50&next_token=${token}`)
    token = page.NextToken
    return page
  })
  await measure('by time of change', 5, () => api.json<Page<Job>>('GET', `${JOBS}?limit=50&order_by=modified_at`))
  await compareSubmissions(api)
  api.close()
})

/** Every job has a namespace and a label; they come a thousand at a time. */
async function fill(api: Connections): Promise<void> {
  for (let from = 0; from < count; from += BULK) {
    const Jobs = Array.from({ length: Math.min(BULK, count - from) }, (_, index) => ({
      ...noopJob(),
      Namespace: `n${index % 10}`,
      Labels: { kind: index % 100 === 0 ? 'rare' : 'common' },
    }))
    await api.json('POST', `${JOBS}/bulk`, Buffer.from(JSON.stringify({ Jobs })))
  }
}

async function measure(name: string, times: number, ask: () => Promise<Page<Job>>): Promise<void> {
  const all: number[] = []
  for (let index = 0; index < times; index++) {
    const begin = performance.now()
    const { Items } = await ask()
    all.push(performance.now() - begin)
    if (Items.length !== 50) throw new Error(`${name}: ${Items.length} jobs instead of 50`)
  }
  const summary = summarise(all)
  report(`50 of ${count} jobs, ${name}`, summary, 'ms', times > 5 ? 'p99 under 15 ms' : '-')
}

/** One submission after the other, by turns over REST and straight into an orchestrator with a store on the same disk. */
async function compareSubmissions(api: Connections): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'job-list-'))
  const store = openSqliteStore(path.join(folder, 'store.sqlite'))
  const orchestrator = await createOrchestrator({
    store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    storeGeneration: 'benchmark',
    approval: 'auto',
    joinToken: 'secret',
    self: () => nodeInfo,
    // oxlint-disable-next-line require-yield -- nothing runs here
    logs: async function* () {},
  })
  const [body, job] = [request(noopJob()), noopJob()]
  const [rest, straight]: [number[], number[]] = [[], []]
  for (let index = 0; index < requests; index++) {
    const begin = performance.now()
    await api.json('PUT', JOBS, body)
    const between = performance.now()
    const parsed = parseSubmission(job)
    if (!parsed.ok) throw new Error('the job of the benchmark is wrong')
    await orchestrator.submit(parsed.value)
    rest.push(between - begin)
    straight.push(performance.now() - between)
  }
  await orchestrator.stop()
  await store.stop()
  await rm(folder, { recursive: true })
  const [over, bare] = [summarise(rest), summarise(straight)]
  report('submission over REST', over, 'ms', '-')
  report('the same without HTTP', bare, 'ms', '-')
  fact('what REST adds', show(over.median - bare.median, 'ms'), 'under 2 ms')
}
