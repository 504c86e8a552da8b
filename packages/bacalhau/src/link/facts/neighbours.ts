import type { Swarm } from '../../network/swarm.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import { mayDial } from './dial-rules.ts'
import type { Directory } from './directory.ts'
import type { KnownNode } from './known-node.ts'

/** Connections to known nodes that a node wants to have. */
const ENOUGH = 6
/** Milliseconds between two attempts; the first few may follow each other, which gets a new node into the swarm. */
const PAUSE = 10_000
const FIRST = 4
/** Milliseconds for which a node that could not be reached is left alone, doubled each time up to the second one. */
const REST = { first: 60_000, most: 30 * 60_000 }
/** A node to which the connection was lost has this many milliseconds to come back or to be heard of. */
const PATIENCE = 30_000

export interface NeighboursOptions {
  readonly directory: Directory
  readonly swarm: Swarm
  /** Peers that are connected now. */
  readonly connected: () => readonly string[]
  /** Addresses of this node. */
  readonly own: () => readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * Keeps connections to a few of the nodes that are known, so that the swarm does not hang on one of them, and notices those that
 * have gone without a word. Whom it dials is what strangers have told: so it dials few, slowly, and only where `mayDial` says so.
 */
export function startNeighbours(options: NeighboursOptions): Stoppable {
  const { directory, swarm, connected, clock, random } = options
  const abort = new AbortController()
  const dialler = createDialler(options, abort.signal)

  async function keepEnough(): Promise<void> {
    while (!abort.signal.aborted) {
      const peers = new Set(connected())
      const near = [...peers].filter((peerId) => directory.find(peerId) !== undefined).length
      const candidates = near < ENOUGH ? directory.nodes().filter((node) => !peers.has(node.peerId)) : []
      const node = pick(
        candidates.filter((candidate) => dialler.isReady(candidate)),
        random,
      )
      if (node !== undefined) await dialler.dial(node)
      // Not all nodes that have heard of each other at the same time shall dial at the same time.
      await rest((near < ENOUGH ? 1_000 : PAUSE) * (0.5 + random.next()))
    }
  }

  async function watchOver(peerId: string): Promise<void> {
    const lostAt = clock.now()
    await rest(PATIENCE)
    const node = directory.find(peerId)
    const isBack = abort.signal.aborted || node === undefined || node.seenAt > lostAt || swarm.isConnected(peerId)
    if (!isBack && dialler.isReady(node) && !(await dialler.dial(node)) && !abort.signal.aborted) directory.drop(peerId)
  }

  const rest = (delay: number) => sleep(clock, delay, abort.signal).catch(() => undefined)
  const forget = [
    swarm.onPeer((peerId, isConnected) => {
      if (!isConnected && directory.find(peerId) !== undefined) void watchOver(peerId)
    }),
    directory.watch((node, gone) => gone && dialler.forget(node.peerId)),
  ]
  const done = keepEnough()
  return {
    async stop() {
      abort.abort(new Error('the node is stopping'))
      for (const stop of forget) stop()
      await done
    },
  }
}

/** Dials within its bounds. */
function createDialler({ swarm, own, clock, logger }: NeighboursOptions, signal: AbortSignal) {
  const resting = new Map<string, { readonly until: number; readonly pause: number }>()
  let [left, filledAt] = [FIRST, clock.monotonic()]

  function fill(): void {
    const more = Math.floor((clock.monotonic() - filledAt) / PAUSE)
    left = Math.min(FIRST, left + more)
    filledAt += more * PAUSE
  }

  const usable = ({ addresses }: KnownNode) => addresses.filter((address) => mayDial(address, own()))

  return {
    isReady(node: KnownNode): boolean {
      fill()
      return left > 0 && (resting.get(node.peerId)?.until ?? 0) <= clock.monotonic() && usable(node).length > 0
    },
    /** Has it worked? */
    async dial(node: KnownNode): Promise<boolean> {
      const { peerId } = node
      left -= 1
      try {
        await swarm.connect(
          peerId,
          usable(node).map((address) => `${address}/p2p/${peerId}`),
          signal,
        )
        resting.delete(peerId)
        return true
      } catch (error) {
        logger.debug({ peerId, error: messageOf(error) }, 'a known node cannot be reached')
        const pause = Math.min(REST.most, 2 * (resting.get(peerId)?.pause ?? REST.first / 2))
        resting.set(peerId, { pause, until: clock.monotonic() + pause })
        return false
      }
    },
    forget: (peerId: string) => void resting.delete(peerId),
  }
}

function pick(nodes: readonly KnownNode[], random: Random): KnownNode | undefined {
  return nodes[Math.floor(random.next() * nodes.length)]
}
