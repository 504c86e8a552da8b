import { fits, type Job, type NodeInfo, type Resources } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignments } from './assignments.ts'
import { type Cluster, mayWork, type Member } from './cluster.ts'
import { mismatch } from './matching.ts'
import type { OpenJob } from './open-job.ts'
import type { Pace } from './pace.ts'
import type { Pauses } from './pauses.ts'

/** Pools that are kept in any case, although their jobs may not wait at the moment. */
const KEPT = 64

export interface PoolsOptions {
  readonly cluster: Cluster
  readonly assignments: Assignments
  readonly pauses: Pauses
  readonly pace: Pace
  /** Bytes that a node has not acknowledged. */
  readonly backlog: (peer: string) => number
  /** The job that a node is kept free for. */
  readonly keptFor: (peer: string) => OpenJob | undefined
}

/** The nodes that can run jobs of one kin. */
export class Pool {
  readonly shape: string
  readonly kin: string
  readonly resources: Resources
  readonly #job: Job
  readonly suitable = new Map<string, Member>()
  /** Those that have room at the moment, in no order. */
  readonly open: Member[] = []
  readonly #places = new Map<string, number>()

  /** `job` stands for all of its kin, as it is now: its next version may have another one. */
  constructor({ job, shape, kin, resources }: OpenJob) {
    this.shape = shape
    this.kin = kin
    this.resources = resources
    this.#job = job
  }

  suits(info: NodeInfo): boolean {
    return mismatch(this.#job, this.resources, info) === undefined
  }

  setOpen(member: Member, isOpen: boolean): void {
    const place = this.#places.get(member.peer)
    if (isOpen && place === undefined) {
      this.#places.set(member.peer, this.open.length)
      this.open.push(member)
    } else if (isOpen && place !== undefined) {
      this.open[place] = member
    } else if (place !== undefined) {
      // The last one takes the place of the one that goes.
      const last = this.open.pop()
      this.#places.delete(member.peer)
      if (last === undefined || last.peer === member.peer) return
      this.open[place] = last
      this.#places.set(last.peer, place)
    }
  }

  isOpen(peer: string): boolean {
    return this.#places.has(peer)
  }
}

/**
 * For every kin of jobs that wait, the nodes that have room for one. Kept up to date as things happen, so that a placement
 * costs the same however many nodes there are.
 */
export class Pools {
  readonly #options: PoolsOptions
  readonly #pools = new Map<string, Pool>()
  /** Nodes that have been found behind. */
  readonly #behind = new Set<string>()

  constructor(options: PoolsOptions) {
    this.#options = options
  }

  of(job: OpenJob): Pool {
    const known = this.#pools.get(job.kin)
    const pool = known ?? new Pool(job)
    // In the order of their last use.
    this.#pools.delete(job.kin)
    this.#pools.set(job.kin, pool)
    if (known === undefined) for (const member of this.#options.cluster.candidates()) this.#refresh(pool, member)
    return pool
  }

  /** What a node is has changed, or whether it is there. */
  nodeChanged(peer: string): void {
    const member = this.#options.cluster.get(peer)
    for (const pool of this.#pools.values()) {
      const known = member ?? pool.suitable.get(peer)
      if (known !== undefined) this.#refresh(pool, known)
    }
  }

  /** How much room a node has has changed. */
  roomChanged(peer: string): void {
    for (const pool of this.#pools.values()) {
      const member = pool.suitable.get(peer)
      if (member !== undefined) pool.setOpen(member, this.hasRoom(pool, member))
    }
  }

  /** Has the node been sent so much that it gets no more before it has answered? */
  isBehind(peer: string): boolean {
    if (this.#options.backlog(peer) <= LIMITS.unansweredOffers) return false
    this.#behind.add(peer)
    return true
  }

  /** Nodes that were behind and are no more have room again. True if there are any. */
  caughtUp(): boolean {
    const before = this.#behind.size
    for (const peer of this.#behind) {
      if (this.#options.backlog(peer) > LIMITS.unansweredOffers) continue
      this.#behind.delete(peer)
      this.roomChanged(peer)
    }
    return this.#behind.size < before
  }

  /** Forgets all but the `wanted` pools that were used last; one that is asked for again is made anew. */
  tidy(wanted: number): void {
    for (const kin of this.#pools.keys()) {
      if (this.#pools.size <= Math.max(wanted, KEPT)) return
      this.#pools.delete(kin)
    }
  }

  /** Has a suitable node room for one more run? */
  hasRoom({ shape, kin, resources }: Pool, member: Member): boolean {
    const { cluster, assignments, pauses, pace, keptFor } = this.#options
    const { peer } = member
    if (!member.connected || pauses.isPaused(shape, peer) || this.isBehind(peer)) return false
    const kept = keptFor(peer)
    if (kept !== undefined && kept.shape !== shape) return false
    if (fits(resources, cluster.free(member))) return true
    return pace.isShort(kin) && assignments.load(peer).runs < LIMITS.queuedExecutions
  }

  #refresh(pool: Pool, member: Member): void {
    const { cluster } = this.#options
    if (cluster.get(member.peer) === member && mayWork(member) && pool.suits(member.info)) {
      pool.suitable.set(member.peer, member)
      pool.setOpen(member, this.hasRoom(pool, member))
    } else {
      pool.suitable.delete(member.peer)
      pool.setOpen(member, false)
    }
  }
}

/** Free share of the scarcer of processors and memory, 0 to 1. */
export function freeShare(free: Resources, total: Resources): number {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
  return Math.min(share(free.CPU, total.CPU), share(free.Memory, total.Memory))
}
