// How soon a compute node is back when the network between it and its orchestrator was gone: both ways, without a word to anyone,
// as when a cable is pulled somewhere in between. In network namespaces with a port-restricted router, as root on Linux.
// `--runs` (5) sets how often, `--cut` (30) for how many seconds.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createLab, whyNoLab } from '../packages/bacalhau/test/nat/network-lab.ts'
import { bacalhau, launchNode, type NodeProcess } from '../packages/bacalhau/test/program.ts'
import { bench, sleep } from './bench.ts'
import { timeUntil } from './nodes.ts'
import { report, summarise } from './stats.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, cut: { type: 'string', default: '30' } },
})
const [runs, cut] = [Number(values.runs), Number(values.cut)]

await bench(`Reconnecting after a cut of ${cut} s: ${runs} runs`, async (newWorld) => {
  const why = whyNoLab()
  if (why !== undefined) return console.log(`Not measured: ${why}.`)
  const { folder } = await newWorld()
  const lab = createLab()
  const hub = lab.machine('open')
  const far = lab.machine('port-restricted')
  const open = ['--swarm-host', '0.0.0.0', '--port', '4001']
  const at = (name: string, args: string[], through: readonly string[]) =>
    launchNode(path.join(folder, name), [...open, ...args], {}, through)
  const first = at('orchestrator', ['--orchestrator', '--join-token', 'secret'], hub.through)
  const orchestrator = await first.ready
  const peer = `/ip4/${hub.outside}/tcp/4001/p2p/${orchestrator.peerId}`
  const second = at('compute', ['--compute', '--join-token', 'secret', '--peer', peer], far.through)
  await second.ready
  try {
    const connected = async () => (await connectionAt(orchestrator, hub.through)) === 'CONNECTED'
    await timeUntil(connected)
    const back: number[] = []
    for (let run = 0; run < runs; run++) {
      // Not always at the same moment of what either side does while it waits.
      await sleep(5_000 + run * 700)
      far.cut()
      await sleep(cut * 1_000 + run * 300)
      if (await connected()) throw new Error('the cut was not noticed')
      far.mend()
      back.push(await timeUntil(connected))
    }
    report(`end of a cut of ${cut} s to CONNECTED`, summarise(back), 'ms', 'under 3000 ms')
  } finally {
    for (const node of [second, first]) await node.kill()
    lab.remove()
  }
})

/** How the orchestrator sees its only node. Costs the start of a command each time, which is part of the figure. */
async function connectionAt({ api }: NodeProcess, through: readonly string[]): Promise<string | undefined> {
  const { stdout } = await bacalhau(['node', 'list', '--output', 'json', ...api], { through })
  return (JSON.parse(stdout || '[]') as { Connection: string }[])[0]?.Connection
}
