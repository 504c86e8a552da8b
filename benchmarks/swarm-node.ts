// Some nodes of a swarm in one process, for `swarm-200.ts`: hosts with everything that makes them one swarm, and nothing else.
import { startSwarmFacts, GO_TOPIC } from '../packages/bacalhau/src/link/facts/swarm-facts.ts'
import { createDirectory, type Directory } from '../packages/bacalhau/src/link/facts/directory.ts'
import { sampleNode } from '../packages/bacalhau/src/link/fixtures/samples.ts'
import { createHost } from '../packages/bacalhau/src/network/host.ts'
import { generateNodeKey, type NodeKey } from '../packages/bacalhau/src/network/identity.ts'
import { parsePeers } from '../packages/bacalhau/src/network/peer-address.ts'
import { startPeerKeeper } from '../packages/bacalhau/src/network/peer-keeper.ts'
import { createSigner } from '../packages/bacalhau/src/network/signature.ts'
import { createSwarm } from '../packages/bacalhau/src/network/swarm.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { keepYoungHeapSmall } from '../packages/bacalhau/src/runtime/heap.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'

/** What the benchmark tells a process of nodes. */
export type SwarmOrder =
  | { readonly type: 'prepare'; readonly count: number }
  /** `expect`: how many others each is to know of. */
  | { readonly type: 'start'; readonly peer: string; readonly expect: number }
  | { readonly type: 'look' }

/** What it answers. Times are milliseconds since the epoch. */
export type SwarmReport =
  | { readonly type: 'prepared' }
  /** A node begins to start; it listens; it knows all the others. */
  | { readonly type: 'begun' | 'complete'; readonly at: number }
  | { readonly type: 'listening'; readonly address: string }
  | {
      readonly type: 'seen'
      readonly cpu: number
      readonly memory: number
      readonly connections: number
      readonly known: number
    }

interface Node {
  readonly directory: Directory
  readonly connections: () => number
}

const world = { clock: systemClock, random: systemRandom, logger: silentLogger }
const nodes: Node[] = []
let keys: NodeKey[] = []

const tell = (report: SwarmReport): void => void process.send?.(report)

async function start(key: NodeKey, peer: string, expect: number): Promise<void> {
  tell({ type: 'begun', at: Date.now() })
  const host = await createHost({ key: key.bytes, port: 0, listen: ['127.0.0.1'], gossip: [GO_TOPIC] })
  const targets = parsePeers([peer])
  const keeper = startPeerKeeper({ ...world, targets, swarm: createSwarm(host) })
  const directory = createDirectory({ self: key.peerId, clock: systemClock, trusts: (peer) => keeper.isWanted(peer) })
  let told = false
  directory.watch(() => {
    if (told || directory.nodes().length < expect) return
    told = true
    tell({ type: 'complete', at: Date.now() })
  })
  await startSwarmFacts({
    ...world,
    host,
    signer: createSigner(key),
    directory,
    describe: () => sampleNode(key.peerId, {}),
    addresses: () => host.getMultiaddrs().map(String),
    worksForGo: () => true,
    dials: targets.length > 0,
  })
  nodes.push({ directory, connections: () => host.getConnections().length })
  tell({ type: 'listening', address: host.getMultiaddrs()[0]?.toString() ?? '' })
}

function look(): void {
  const { user, system } = process.cpuUsage()
  const sum = (value: (node: Node) => number) => nodes.reduce((total, node) => total + value(node), 0)
  tell({
    type: 'seen',
    cpu: (user + system) / 1e6,
    memory: process.memoryUsage().rss / 1e6,
    connections: sum(({ connections }) => connections()) / nodes.length,
    known: sum(({ directory }) => directory.nodes().length) / nodes.length,
  })
}

async function obey(order: SwarmOrder): Promise<void> {
  switch (order.type) {
    case 'prepare':
      keys = await Promise.all(Array.from({ length: order.count }, () => generateNodeKey()))
      return tell({ type: 'prepared' })
    case 'start':
      for (const key of keys) await start(key, order.peer, order.expect)
      return
    case 'look':
      return look()
  }
}

keepYoungHeapSmall()
process.on('message', (order: SwarmOrder) => void obey(order))
process.on('disconnect', () => process.exit())
