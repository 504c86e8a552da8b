import { NO_RESOURCES } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { KnownNode, NodeDirectory, Statement } from './known-node.ts'

/** Milliseconds between two looks for nodes that have not been heard of for too long. */
const SWEEP = 5_000

/** `changed`: is another than before. `same`: shows that it is there, and how busy. `ignored`: old, refused, or our own. */
export type Learned = 'new' | 'changed' | 'same' | 'left' | 'ignored'

export interface Heard {
  readonly statement: Statement
  /** The neighbour that passed it on; its author, if it was that itself. */
  readonly via: string
  /** Milliseconds since the author was heard. */
  readonly age?: number
}

export interface Directory extends NodeDirectory, Stoppable {
  /** Takes what a node has said of itself. That it was said by that node must be certain. */
  learn(heard: Heard): Learned
  /** The node is known to be gone. It is back as soon as it is heard of again. */
  drop(peerId: string): void
}

export interface DirectoryOptions {
  /** Our own peer ID. */
  readonly self: string
  readonly clock: Clock
  /** May this neighbour tell of any number of nodes? Others may tell of a few. */
  readonly trusts: (neighbour: string) => boolean
  readonly maxNodes?: number
}

/**
 * What was heard of other nodes, kept for as long as they may be silent. It is bounded: when it is full, and for each neighbour
 * that is nobody to us when it has told of its share, those that are known stay, and newcomers have to wait.
 */
export function createDirectory(options: DirectoryOptions): Directory {
  const { self, clock } = options
  const shelf = createShelf(options)
  const listeners = new Set<(node: KnownNode, gone: boolean) => void>()
  let timer = clock.after(SWEEP, sweep)

  function tell(node: KnownNode, gone: boolean): void {
    for (const listener of listeners) listener(node, gone)
  }

  function drop(peerId: string, sequence?: number): boolean {
    const node = shelf.remove(peerId, sequence)
    if (node !== undefined) tell(node, true)
    return node !== undefined
  }

  function sweep(): void {
    for (const peerId of shelf.expired()) drop(peerId)
    timer = clock.after(SWEEP, sweep)
  }

  return {
    nodes: () => shelf.nodes(),
    find: (peerId) => shelf.find(peerId),
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    learn(heard) {
      const { statement } = heard
      const { peerId } = statement
      const known = shelf.find(peerId)
      if (peerId === self || (heard.age ?? 0) >= lifeOf(statement) || isOlder(statement, shelf.last(peerId)))
        return 'ignored'
      if (statement.leaving) return drop(peerId, statement.sequence) ? 'left' : 'ignored'
      const node = shelf.put(heard)
      if (node === undefined) return 'ignored'
      if (known === undefined || contents(known) !== contents(node)) tell(node, false)
      if (known === undefined) return 'new'
      return saysTheSame(known, node) ? 'same' : 'changed'
    },
    drop: (peerId) => void drop(peerId),
    stop() {
      timer.cancel()
      return Promise.resolve()
    },
  }
}

interface Entry {
  readonly node: KnownNode
  readonly via: string
  /** On the monotonic clock. */
  readonly expires: number
}

/** The bounded memory behind a directory. */
function createShelf({ clock, trusts, maxNodes = LIMITS.knownNodes }: DirectoryOptions) {
  const entries = new Map<string, Entry>()
  /** How many each neighbour has told of. */
  const shares = new Map<string, number>()
  /** Numbers of those that are gone: what they said before does not bring them back. */
  const departed = new Map<string, { readonly sequence: number; readonly expires: number }>()

  function hasRoom({ statement, via }: Heard): boolean {
    if (entries.size >= maxNodes) return false
    return via === statement.peerId || trusts(via) || (shares.get(via) ?? 0) < LIMITS.nodesOfStranger
  }

  function count(peerId: string, via: string, change: number): void {
    // What it says of itself is not counted.
    if (peerId === via) return
    const share = (shares.get(via) ?? 0) + change
    if (share > 0) shares.set(via, share)
    else shares.delete(via)
  }

  return {
    nodes: (): KnownNode[] => Array.from(entries.values(), ({ node }) => node),
    find: (peerId: string): KnownNode | undefined => entries.get(peerId)?.node,
    /** The greatest number that the node, present or gone, has used. */
    last: (peerId: string): number | undefined => entries.get(peerId)?.node.sequence ?? departed.get(peerId)?.sequence,
    /** Undefined when there is no room. */
    put(heard: Heard): KnownNode | undefined {
      const { statement, via, age = 0 } = heard
      const known = entries.get(statement.peerId)
      if (known === undefined && !hasRoom(heard)) return undefined
      const node: KnownNode = { ...statement, seenAt: clock.now() - age }
      const expires = clock.monotonic() + lifeOf(statement) - age
      entries.set(statement.peerId, { node, via: known?.via ?? via, expires })
      if (known === undefined) count(statement.peerId, via, 1)
      return node
    },
    remove(peerId: string, sequence?: number): KnownNode | undefined {
      const entry = entries.get(peerId)
      const last = sequence ?? entry?.node.sequence
      if (last !== undefined) departed.set(peerId, { sequence: last, expires: clock.monotonic() + LIMITS.nodeLife })
      if (departed.size > maxNodes) departed.delete(departed.keys().next().value ?? '')
      if (entry === undefined) return undefined
      entries.delete(peerId)
      count(peerId, entry.via, -1)
      return entry.node
    },
    /** Those that have been silent for too long. */
    expired(): string[] {
      const now = clock.monotonic()
      for (const [peerId, { expires }] of departed) if (expires <= now) departed.delete(peerId)
      return [...entries].filter(([, { expires }]) => expires <= now).map(([peerId]) => peerId)
    },
  }
}

/** How long a node may be silent, in milliseconds. Ours speak every two minutes at least. */
const lifeOf = ({ kind }: Statement): number => (kind === 'go' ? LIMITS.goNodeLife : LIMITS.nodeLife)

function isOlder({ sequence }: Statement, last: number | undefined): boolean {
  return sequence !== undefined && last !== undefined && sequence <= last
}

/** Everything but when it was said. */
const contents = ({ sequence: _s, seenAt: _t, ...said }: KnownNode): string => JSON.stringify(said)

/** How busy a node is changes all the time, and is no news to the swarm. */
function saysTheSame(a: KnownNode, b: KnownNode): boolean {
  return withoutLoad(a) === withoutLoad(b)
}

function withoutLoad(node: KnownNode): string {
  return contents({ ...node, info: { ...node.info, ComputeNodeInfo: { ...node.info.ComputeNodeInfo, ...NO_LOAD } } })
}

const NO_LOAD = { AvailableCapacity: NO_RESOURCES, RunningExecutions: 0, EnqueuedExecutions: 0 }
