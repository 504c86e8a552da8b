// What a relay costs: a flow of bytes from one process to another over a direct connection, and over one that a third process
// carries, in turn; all on loopback. `--megabytes` (200) sets how much flows each time, `--runs` (7) how often.
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { bench } from './bench.ts'
import { cpuSeconds } from './process.ts'
import { fact, report, show, summarise } from './stats.ts'

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '200' }, runs: { type: 'string', default: '7' } },
})
const [bytes, runs] = [Number(values.megabytes) * 1e6, Number(values.runs)]

interface Node {
  readonly child: ChildProcess
  readonly address: string
  ask(question: string): Promise<string>
}

async function start(...args: string[]): Promise<Node> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'relay-node.ts'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  return {
    child,
    address: await next(),
    async ask(question) {
      child.stdin.write(`${question}\n`)
      return next()
    },
  }
}

await bench(`Relay: ${values.megabytes} MB at a time, ${runs} runs`, async () => {
  const relay = await start('relay')
  const source = await start('source', relay.address)
  const sink = await start('sink', relay.address)
  try {
    const peer = source.address.replace(/^.*\/p2p\//, '')
    const processors = () => Promise.all([source, relay, sink].map(({ child }) => cpuSeconds(child.pid ?? 0)))
    const rate = async (address: string) => bytes / 1e3 / Number(await sink.ask(`${address} ${bytes}`))
    const ways = { direct: source.address, relayed: `${relay.address}/p2p-circuit/p2p/${peer}` }
    const [direct, relayed]: [number[], number[]] = [[], []]
    const spent = { direct: [0, 0, 0], relayed: [0, 0, 0] }
    for (let run = -1; run < runs; run++) {
      for (const [way, rates] of [
        ['direct', direct],
        ['relayed', relayed],
      ] as const) {
        const before = await processors()
        const reached = await rate(ways[way])
        const after = await processors()
        if (run < 0) continue
        rates.push(reached)
        after.forEach(
          (seconds, index) => (spent[way][index] = (spent[way][index] ?? 0) + seconds - (before[index] ?? 0)),
        )
      }
    }
    const each = (seconds: readonly number[]) =>
      seconds.map((one) => show((one * 1e12) / (runs * bytes), 'ms')).join(', ')
    fact('processor time for 1 GB, direct', '', '-', `source, relay, sink: ${each(spent.direct)}`)
    fact('processor time for 1 GB, relayed', '', '-', `source, relay, sink: ${each(spent.relayed)}`)
    report('direct', summarise(direct), 'MB/s', '-')
    report('over a relay', summarise(relayed), 'MB/s', '-')
    const ratios = relayed.map((one, run) => one / (direct[run] ?? Number.NaN))
    report('relayed : direct', summarise(ratios), '', 'over 0.50')
  } finally {
    for (const { child } of [sink, source, relay]) child.kill()
  }
})
