// What it takes to place a task, by the number of nodes and by the length of the queue: a real orchestrator with its store on
// disk, in one process with compute nodes that only accept and complete (scripted-node.ts). `--nodes` (10,100,1000) and `--queue`
// (1000,10000,100000) are lists, `--count` (1000) is how many tasks a job of the queue has, `--tasks` (2000) how many
// placements each figure is taken from.
//
// "Free nodes": one job at a time is submitted while nodes are free; from the call to the offer at the node, one durable write
// included. "From the queue": all nodes are full; from the report that a task has ended to the offer of the next, one at a time.
// "At full speed": hundreds of tasks end at once, again and again; microseconds of processor time for each, both ends included.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Job, parseSubmission, type Submission } from '@bacalhau/models'
import { sampleNode } from '../packages/bacalhau/src/link/fixtures/samples.ts'
import { createOrchestrator, type RunningOrchestrator } from '../packages/bacalhau/src/orchestrator/orchestrator.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'
import { openSqliteStore } from '../packages/bacalhau/src/store/sqlite.ts'
import { bench, sleep } from './bench.ts'
import { type Placed, type ScriptedNode, startScriptedNode } from './scripted-node.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10,100,1000' },
    queue: { type: 'string', default: '1000,10000,100000' },
    count: { type: 'string', default: '1000' },
    tasks: { type: 'string', default: '2000' },
  },
})
const numbers = (text: string) => text.split(',').map(Number)
const [nodeCounts, queues, tasks] = [numbers(values.nodes), numbers(values.queue), Number(values.tasks)]

/** Tasks that fit on a node at once. */
const SLOTS = 4
const SUBMITTED_AT_ONCE = 100
/** Tasks of one job of the queue. */
const COUNT = Number(values.count)

await bench(`Placement: ${tasks} tasks each, queue of jobs of ${COUNT} tasks`, async () => {
  for (const count of nodeCounts) {
    await withCluster(count, async (cluster) => {
      report(`${count} free nodes`, summarise(await freeNodes(cluster)), 'ms', 'p99 under 100 ms')
    })
  }
  const most = queues.at(-1) ?? COUNT
  const middle = nodeCounts[Math.floor(nodeCounts.length / 2)] ?? 10
  // The curve over the queue on one number of nodes, then over the nodes with one length of the queue.
  for (const queue of queues) await curve(middle, queue)
  for (const count of nodeCounts) if (count !== middle) await curve(count, most)
})

async function curve(count: number, queue: number): Promise<void> {
  await withCluster(count, async (cluster) => {
    const what = `${count} full nodes, queue of ${queue}`
    await fill(cluster, queue)
    report(`${what}, one at a time`, summarise(await oneAtATime(cluster)), 'ms', 'p99 under 100 ms')
    // The first time warms it up.
    let each = 0
    for (let time = 0; time < 2; time++) {
      await fill(cluster, queue)
      each = await fullSpeed(cluster, Math.min(tasks, queue) / 2)
    }
    fact(`${what}, at full speed`, show(each, 'µs'), 'flat over the queue', '(processor time a task)')
  })
}

interface Cluster {
  readonly orchestrator: RunningOrchestrator
  readonly nodes: readonly ScriptedNode[]
  /** What runs, oldest first. */
  readonly running: Placed[]
  /** Tasks that were submitted. */
  submitted: number
  /** Tasks that were placed. */
  placed: number
  /** The next placement. */
  readonly next: () => Promise<Placed>
}

async function withCluster(count: number, use: (cluster: Cluster) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-placement-'))
  const store = openSqliteStore(path.join(folder, 'store.db'))
  const orchestrator = await createOrchestrator({
    store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    storeGeneration: 'g',
    self: () => sampleNode('self'),
    approval: 'auto',
    joinToken: '',
    logs: () => {
      throw new Error('there are no logs')
    },
  })
  const running: Placed[] = []
  let waiting: ((placed: Placed) => void)[] = []
  const onPlaced = (placed: Placed) => {
    running.push(placed)
    cluster.placed += 1
    const due = waiting
    waiting = []
    for (const resolve of due) resolve(placed)
  }
  const nodes: ScriptedNode[] = []
  const next = () => new Promise<Placed>((resolve) => waiting.push(resolve))
  const cluster: Cluster = { orchestrator, nodes, running, submitted: 0, placed: 0, next }
  const capacity = { CPU: SLOTS, Memory: 8e9, Disk: 1e12, GPU: 0 }
  try {
    for (let index = 0; index < count; index++) {
      nodes.push(await startScriptedNode(`n-${index}`, capacity, orchestrator, onPlaced))
    }
    while (orchestrator.nodes().filter(({ Connection }) => Connection === 'CONNECTED').length < count) await sleep(10)
    await use(cluster)
  } finally {
    for (const node of nodes) await node.stop()
    await orchestrator.stop()
    await store.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function submission(count: number): Submission {
  const parsed = parseSubmission({
    Type: 'batch',
    Count: count,
    Tasks: [
      {
        Name: 'main',
        Engine: { Type: 'noop' },
        Resources: { CPU: '1', Memory: '1Mb' },
        Timeouts: { QueueTimeout: 86_400 },
      },
    ],
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

async function freeNodes(cluster: Cluster): Promise<number[]> {
  const times: number[] = []
  for (let task = 0; task < tasks; task++) {
    const begin = performance.now()
    const placed = cluster.next()
    const submitted: Promise<Job> = cluster.orchestrator.submit(submission(1))
    times.push((await placed).at - begin)
    await submitted
    cluster.running.shift()?.complete()
  }
  return times.slice(Math.floor(tasks / 10))
}

/** Fills the nodes, and the queue to this length. */
async function fill(cluster: Cluster, queue: number): Promise<void> {
  const { orchestrator, nodes, running } = cluster
  const full = nodes.length * SLOTS
  const missing = () => queue + full - running.length - (cluster.submitted - cluster.placed)
  while (missing() > 0) {
    const some = Array.from({ length: Math.min(SUBMITTED_AT_ONCE, Math.ceil(missing() / COUNT)) })
    cluster.submitted += some.length * COUNT
    await Promise.all(some.map(() => orchestrator.submit(submission(COUNT))))
  }
  while (running.length < nodes.length * SLOTS) await sleep(10)
}

async function oneAtATime({ running, next }: Cluster): Promise<number[]> {
  const times: number[] = []
  for (let task = 0; task < tasks / 4; task++) {
    const begin = performance.now()
    const placed = next()
    running.shift()?.complete()
    times.push((await placed).at - begin)
  }
  return times
}

/** At most half of the queue is taken out of it, so that its length stays about what it says. */
async function fullSpeed({ running, nodes, next }: Cluster, count: number): Promise<number> {
  const begin = process.cpuUsage()
  let done = 0
  while (done < count) {
    const ended = running.splice(0, Math.min(nodes.length * SLOTS, 256, count - done))
    for (const placed of ended) placed.complete()
    done += ended.length
    while (running.length < nodes.length * SLOTS) await next()
  }
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / done
}
