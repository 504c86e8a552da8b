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
  /** Would what this neighbour tells of that node be taken? To be asked before the work of finding out whether it is true. */
  wants(peerId: string, via: string): boolean
  /** Takes what a node has said of itself. That it was said by that node must be certain. */
  learn(heard: Heard): Learned
  /** The node is known to be gone. It is back as soon as it is heard of again. */
  drop(peerId: string): void
}

export interface DirectoryOptions {
  /** Our own peer ID. */
  readonly self: string
  readonly clock: Clock
  /** Is this neighbour one that the operator has chosen, or a member? It may tell of any number of nodes. */
  readonly trusts: (neighbour: string) => boolean
  /** Has this node itself connected to that neighbour? Others may tell of a few nodes only. */
  readonly dialled?: (neighbour: string) => boolean
  readonly maxNodes?: number
}

/**
 * What was heard of other nodes, kept for as long as they may be silent. It is bounded: when it is full, and for each neighbour
 * that is nobody to us when it has told of its share, those that are known stay, and newcomers have to wait. Half of the room is
 * for what trusted neighbours tell: peer IDs cost nothing, and strangers could take up all of it with nodes that they made up.
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
    wants: (peerId, via) => peerId !== self && (shelf.find(peerId) !== undefined || shelf.hasRoom(peerId, via)),
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
  /** Has no trusted neighbour told of it? */
  readonly isHearsay: boolean
  /** On the monotonic clock. */
  readonly expires: number
}

/** Counts who has told of which entries. */
function createTellers({ trusts, dialled = () => false, maxNodes = LIMITS.knownNodes }: DirectoryOptions) {
  const shares = new Map<string, number>()
  let hearsay = 0
  return {
    mayTell(peerId: string, via: string): boolean {
      if (trusts(via)) return true
      if (hearsay >= maxNodes / 2) return false
      return via === peerId || dialled(via) || (shares.get(via) ?? 0) < LIMITS.nodesOfStranger
    },
    count({ node: { peerId }, via, isHearsay }: Entry, change: 1 | -1): void {
      if (isHearsay) hearsay += change
      // What it says of itself is not counted.
      if (peerId === via) return
      const share = (shares.get(via) ?? 0) + change
      if (share > 0) shares.set(via, share)
      else shares.delete(via)
    },
  }
}

/** The bounded memory behind a directory. */
function createShelf(options: DirectoryOptions) {
  const { clock, trusts, maxNodes = LIMITS.knownNodes } = options
  const entries = new Map<string, Entry>()
  const tellers = createTellers(options)
  /** Numbers of those that are gone: what they said before does not bring them back. */
  const departed = new Map<string, { readonly sequence: number; readonly expires: number }>()

  const hasRoom = (peerId: string, via: string) => entries.size < maxNodes && tellers.mayTell(peerId, via)

  return {
    nodes: (): KnownNode[] => Array.from(entries.values(), ({ node }) => node),
    find: (peerId: string): KnownNode | undefined => entries.get(peerId)?.node,
    /** The greatest number that the node, present or gone, has used. */
    last: (peerId: string): number | undefined => entries.get(peerId)?.node.sequence ?? departed.get(peerId)?.sequence,
    hasRoom,
    /** Undefined when there is no room. */
    put({ statement, via, age = 0 }: Heard): KnownNode | undefined {
      const { peerId } = statement
      const known = entries.get(peerId)
      if (known === undefined && !hasRoom(peerId, via)) return undefined
      // From then on it is the trusted one that has told of it.
      const teller = known === undefined || (known.isHearsay && trusts(via)) ? via : known.via
      const node: KnownNode = { ...statement, seenAt: clock.now() - age }
      const expires = clock.monotonic() + lifeOf(statement) - age
      const entry = { node, via: teller, expires, isHearsay: known?.isHearsay !== false && !trusts(teller) }
      if (known !== undefined) tellers.count(known, -1)
      tellers.count(entry, 1)
      entries.set(peerId, entry)
      return node
    },
    remove(peerId: string, sequence?: number): KnownNode | undefined {
      const entry = entries.get(peerId)
      const last = sequence ?? entry?.node.sequence
      if (last !== undefined) departed.set(peerId, { sequence: last, expires: clock.monotonic() + LIMITS.nodeLife })
      if (departed.size > maxNodes) departed.delete(departed.keys().next().value ?? '')
      if (entry === undefined) return undefined
      entries.delete(peerId)
      tellers.count(entry, -1)
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
