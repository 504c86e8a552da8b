import type { Random } from '../runtime/random.ts'
import type { Assignments } from './assignments.ts'
import type { Cluster, Member } from './cluster.ts'
import type { Locality } from './locality.ts'
import type { OpenJob } from './open-job.ts'
import { freeShare, type Pool } from './pools.ts'
import type { Trouble } from './retry.ts'

/** `spread`: the node with most room. `pack`: the one with least, so that large jobs find room elsewhere. */
export type Strategy = 'spread' | 'pack'

/** Nodes that are compared for one run. With so many at random the choice is as good as that of the best, almost always. */
const COMPARED = 8

export interface ChooserOptions {
  readonly cluster: Cluster
  readonly assignments: Assignments
  readonly locality: Locality
  readonly random: Random
  readonly strategy: Strategy
}

/** Picks nodes for runs, among those that have room. */
export class Chooser {
  readonly #options: ChooserOptions

  constructor(options: ChooserOptions) {
    this.#options = options
  }

  /** The best of the open nodes of `pool` for one more run of `job`; undefined when all of them have refused it. */
  choose(job: OpenJob, pool: Pool, trouble: Trouble | undefined): Member | undefined {
    let best: { readonly member: Member; readonly rank: number } | undefined
    const consider = (member: Member | undefined, holds: boolean) => {
      if (member === undefined || job.refusals.has(member.peer)) return
      const rank = this.#rank(member, holds, trouble?.avoid.has(member.peer) === true)
      if (best === undefined || rank > best.rank) best = { member, rank }
    }
    const holders = this.#options.locality.holders(job.job)
    for (const peer of holders) if (pool.isOpen(peer)) consider(pool.suitable.get(peer), true)
    for (const member of this.#sample(job, pool)) if (!holders.has(member.peer)) consider(member, false)
    // Chance may have shown only nodes that refused it.
    if (best === undefined) for (const member of pool.open) consider(member, holders.has(member.peer))
    return best?.member
  }

  #sample(job: OpenJob, { open }: Pool): Member[] {
    if (open.length <= COMPARED || job.troubles.size > 0) return open
    const { random } = this.#options
    return Array.from({ length: COMPARED }, () => open[Math.floor(random.next() * open.length)]).filter(
      (member) => member !== undefined,
    )
  }

  /** Higher is better: not where it went wrong, then where the data is, then by room. */
  #rank(member: Member, holds: boolean, avoided: boolean): number {
    const { cluster, assignments, strategy } = this.#options
    const share = freeShare(cluster.free(member), member.info.ComputeNodeInfo.MaxCapacity)
    // Where no room is left, work is sent ahead: to the shortest of the queues.
    const room = share > 0 ? share : -assignments.load(member.peer).runs / 1_000
    return (avoided ? -4 : 0) + (holds ? 2 : 0) + (strategy === 'spread' ? room : -room)
  }
}
