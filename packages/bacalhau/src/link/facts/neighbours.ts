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
/** A node that has just started waits about this many milliseconds: it has enough to do, and so have those it would connect to. */
const SETTLE = 20_000
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
    for (await rest(SETTLE * (0.5 + random.next())); !abort.signal.aborted;) {
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
    const [lostAt, since] = [clock.now(), clock.monotonic()]
    await rest(PATIENCE)
    const node = directory.find(peerId)
    const isBack = abort.signal.aborted || node === undefined || node.seenAt > lostAt || swarm.isConnected(peerId)
    if (!isBack && (await dialler.isGone(node, since)) && !abort.signal.aborted) directory.drop(peerId)
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

interface Attempt {
  readonly failedAt: number
  /** How long the node is left alone since. */
  readonly pause: number
}

/** Dials within its bounds. */
function createDialler({ swarm, own, clock, logger }: NeighboursOptions, signal: AbortSignal) {
  const failed = new Map<string, Attempt>()
  let [left, filledAt] = [FIRST, clock.monotonic()]

  function fill(): void {
    const more = Math.floor((clock.monotonic() - filledAt) / PAUSE)
    left = Math.min(FIRST, left + more)
    filledAt += more * PAUSE
  }

  const usable = ({ addresses }: KnownNode) => addresses.filter((address) => mayDial(address, own()))

  function isReady(node: KnownNode): boolean {
    fill()
    const { failedAt, pause } = failed.get(node.peerId) ?? { failedAt: 0, pause: -Infinity }
    return left > 0 && failedAt + pause <= clock.monotonic() && usable(node).length > 0
  }

  /** Has it worked? */
  async function dial(node: KnownNode): Promise<boolean> {
    const { peerId } = node
    left -= 1
    try {
      const addresses = usable(node).map((address) => `${address}/p2p/${peerId}`)
      await swarm.connect(peerId, addresses, signal)
      failed.delete(peerId)
      return true
    } catch (error) {
      logger.debug({ peerId, error: messageOf(error) }, 'a known node cannot be reached')
      const pause = Math.min(REST.most, 2 * (failed.get(peerId)?.pause ?? REST.first / 2))
      failed.set(peerId, { pause, failedAt: clock.monotonic() })
      return false
    }
  }

  return {
    isReady,
    dial,
    /** Has it been dialled in vain `since` then, or is it now? One that may not be dialled is not known to be gone. */
    async isGone(node: KnownNode, since: number): Promise<boolean> {
      if ((failed.get(node.peerId)?.failedAt ?? -1) >= since) return true
      return isReady(node) && !(await dial(node))
    },
    forget: (peerId: string) => void failed.delete(peerId),
  }
}

function pick(nodes: readonly KnownNode[], random: Random): KnownNode | undefined {
  return nodes[Math.floor(random.next() * nodes.length)]
}
