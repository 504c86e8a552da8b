import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import { openGossip, type Gossip } from '../../network/gossip/gossip.ts'
import type { Signer } from '../../network/signature.ts'
import { createSwarm } from '../../network/swarm.ts'
import type { Clock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import { Scope, type Stoppable } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import { toldAddresses } from './addresses.ts'
import type { Directory } from './directory.ts'
import { startExchange } from './exchange.ts'
import { createGoWatch, type GoWatch } from './go-watch.ts'
import { type Herald, startHerald } from './herald.ts'
import { startNeighbours } from './neighbours.ts'
import { readStatement } from './read-statement.ts'
import { createSpread, type Spread } from './spread.ts'

/** Where Go nodes tell of themselves. */
export const GO_TOPIC = 'bacalhau-node-info'

export interface SwarmFactsOptions {
  /** Started with gossip of `GO_TOPIC`. */
  readonly host: Libp2p
  readonly signer: Signer
  readonly directory: Directory
  readonly describe: () => NodeInfo
  /** Multiaddrs at which this node is reached. */
  readonly addresses: () => readonly string[]
  /** Does this node take work of Go nodes? */
  readonly worksForGo: () => boolean
  /** May this node connect to nodes that it has only heard of? */
  readonly dials: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Tells the swarm of this node, and fills the directory with what others tell. Stopping takes leave. */
export async function startSwarmFacts(options: SwarmFactsOptions): Promise<Stoppable> {
  const { host, directory, clock } = options
  const scope = new Scope()
  const own = () => toldAddresses(options.addresses(), host.peerId.toString())
  const spread = scope.own(
    createSpread({
      self: host.peerId.toString(),
      clock,
      wants: (author, via) => directory.wants(author, via),
      learn: (heard) => directory.learn(heard),
      onOwn: (sequence) => herald.outdo(sequence),
    }),
  )
  const gossip = scope.own(openGossip(host, clock))
  const go = createGoWatch(host, directory)
  scope.defer(go.stop)
  const herald = startHerald({
    ...options,
    addresses: own,
    goPeers: go.near,
    goNodes: go.anywhere,
    known: () => directory.nodes().length,
    tell: (facts, isNews) => spread.tell(facts, isNews),
    publish: publisher(gossip, options.logger),
  })
  scope.own(await startExchange({ ...options, spread }))
  scope.defer(listen(options, gossip, go, herald))
  if (options.dials) {
    const connected = () => host.getPeers().map(String)
    scope.own(startNeighbours({ ...options, swarm: createSwarm(host), own, connected }))
  }
  scope.defer(() => takeLeave(herald, spread))
  return scope
}

function publisher(gossip: Gossip, logger: Logger) {
  return (message: object): void => {
    gossip.publish(GO_TOPIC, Buffer.from(JSON.stringify(message))).catch((error: unknown) => {
      logger.debug({ error: messageOf(error) }, 'this node could not tell Go nodes of itself')
    })
  }
}

/** Milliseconds from when a peer listens until it can be spoken to: the stream in the other direction opens a moment later. */
const BOTH_WAYS = 1_000

/** Hears Go nodes, and speaks to them as soon as one is about. */
function listen(
  { directory, clock, logger }: SwarmFactsOptions,
  gossip: Gossip,
  go: GoWatch,
  herald: Herald,
): () => void {
  gossip.subscribe(GO_TOPIC, ({ author, via, data }) => {
    // Nodes that somebody made up are not passed on, so that they do not crowd out others elsewhere.
    if (!directory.wants(author, via)) return false
    const statement = readStatement(author, data)
    if (statement !== undefined) directory.learn({ statement, via })
    return statement !== undefined
  })
  gossip.onSubscriber(GO_TOPIC, (peerId) => {
    go.met(peerId).then(
      (isGo) => isGo && clock.after(BOTH_WAYS, () => herald.greet()),
      (error: unknown) => logger.debug({ peerId, error: messageOf(error) }, 'a peer is gone again'),
    )
  })

  const seen = new Set<string>()
  return directory.watch(({ peerId, kind, goPeers }, gone) => {
    const brings = kind === 'go' || goPeers.length > 0
    if (gone || !brings) seen.delete(peerId)
    else if (!seen.has(peerId)) {
      seen.add(peerId)
      herald.greet()
    }
  })
}

/** Nobody waits for a neighbour that takes nothing. */
async function takeLeave(herald: Herald, spread: Spread): Promise<void> {
  await herald.leave()
  const { promise, resolve } = Promise.withResolvers<void>()
  const patience = setTimeout(resolve, 500)
  await Promise.race([promise, spread.flush()])
  clearTimeout(patience)
}
