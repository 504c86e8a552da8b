// A swarm of many nodes on loopback, all of which were pointed at the same one: how long after the start of the last one each
// knows of all others, and what a node costs while nothing happens. `--nodes <n>` (200), `--processes <n>` (2), `--idle
// <seconds>` (120, the time in which each node says once that it is there).
import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { sleep } from './bench.ts'
import { fact, report, show, summarise } from './stats.ts'
import type { SwarmOrder, SwarmReport } from './swarm-node.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '200' },
    processes: { type: 'string', default: '2' },
    idle: { type: 'string', default: '120' },
  },
})
const [count, processes, idle] = [Number(values.nodes), Number(values.processes), Number(values.idle)]

interface Crowd {
  readonly nodes: number
  readonly child: ChildProcess
  readonly send: (order: SwarmOrder) => void
  /** The next report of this type. */
  readonly next: <T extends SwarmReport['type']>(type: T) => Promise<Extract<SwarmReport, { type: T }>>
}

const reports: SwarmReport[] = []
const crowds: Crowd[] = []
process.once('exit', () => crowds.forEach(({ child }) => child.kill()))

const hub = crowd(1)
const others = Array.from({ length: processes }, (_, index) => crowd(Math.floor((count - 1 + index) / processes)))
for (const { send, nodes } of crowds) send({ type: 'prepare', count: nodes })
await Promise.all(crowds.map(({ next }) => next('prepared')))

hub.send({ type: 'start', peer: 'none', expect: count - 1 })
const { address } = await hub.next('listening')
const began = Date.now()
for (const { send } of others) send({ type: 'start', peer: address, expect: count - 1 })
while (times('complete').length < count && Date.now() - began < 300_000) await sleep(50)
const last = Math.max(...times('begun'))
const known = times('complete').map((at) => Math.max(0, at - last))
fact('nodes', String(count), '-', `${times('complete').length} know all others`)
fact('start of the first to start of the last', show((last - began) / 1000, 's'))
report('start of the last to all known, each node', summarise(known), 'ms', 'at most 10,000 ms')

// What the start has left to do, such as connections to others, is over by then.
await sleep(60_000)
const before = await look()
await sleep(idle * 1000)
const after = await look()
const share = (index: number) =>
  (((after[index]?.cpu ?? 0) - (before[index]?.cpu ?? 0)) / idle / (crowds[index]?.nodes ?? 1)) * 100
fact('idle CPU of the node that all know', show(share(0), '%'), 'under 0.5 % of a core')
report(
  'idle CPU of the others, each',
  summarise(others.map((_, index) => share(index + 1))),
  '%',
  'under 0.5 % of a core',
)
fact(
  'connections and memory of each of the others',
  (after[1]?.connections ?? 0).toFixed(1),
  '-',
  show((after[1]?.memory ?? 0) / (others[0]?.nodes ?? 1), 'MB'),
)
fact('nodes that each knows', after.map(({ known: nodes }) => nodes.toFixed(0)).join(', '))
process.exit()

function times(type: 'begun' | 'complete'): number[] {
  return reports.flatMap((one) => (one.type === type && 'at' in one ? [one.at] : []))
}

async function look() {
  for (const { send } of crowds) send({ type: 'look' })
  return Promise.all(crowds.map(({ next }) => next('seen')))
}

function crowd(nodes: number): Crowd {
  const child = fork(path.join(import.meta.dirname, 'swarm-node.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting: { readonly type: string; readonly resolve: (one: SwarmReport) => void }[] = []
  child.on('message', (one: SwarmReport) => {
    reports.push(one)
    const index = waiting.findIndex(({ type }) => type === one.type)
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve(one)
  })
  const made: Crowd = {
    nodes,
    child,
    send: (order) => void child.send(order),
    next: <T extends SwarmReport['type']>(type: T) =>
      new Promise<Extract<SwarmReport, { type: T }>>((resolve) => {
        waiting.push({ type, resolve: (one) => resolve(one as Extract<SwarmReport, { type: T }>) })
      }),
  }
  crowds.push(made)
  return made
}
