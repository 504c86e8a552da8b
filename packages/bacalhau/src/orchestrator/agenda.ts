import { EXECUTION_STATES, type Job } from '@bacalhau/models'
import { IndexSet } from './index-set.ts'
import type { Run } from './run.ts'

/**
 * What of one version of a job is still to be run. `batch` and `service` have partitions, each of which is at any time one of
 * four: ready, with one active run, put off for a while, or completed. `ops` and `daemon` have a run at every fitting node.
 */
export type Agenda = Partitions | Targets

export function createAgenda({ Type, Count }: Job): Agenda {
  return Type === 'batch' || Type === 'service' ? new Partitions(Count) : new Targets(Type === 'daemon')
}

export class Partitions {
  readonly kind = 'partitions'
  /** Partitions to place. */
  readonly ready: IndexSet
  readonly count: number
  #completed = 0

  constructor(count: number) {
    this.count = count
    this.ready = IndexSet.below(count)
  }

  get completed(): number {
    return this.#completed
  }

  get isComplete(): boolean {
    return this.#completed >= this.count
  }

  /** A run of the partition has been placed, or has been found in the store. */
  take({ partition, state }: Run): void {
    this.ready.delete(partition)
    if (state === EXECUTION_STATES.Completed) this.#completed += 1
  }

  complete(): void {
    this.#completed += 1
  }

  /** The partition of this run is to be placed once more. */
  giveBack({ partition }: Run): void {
    this.ready.add(partition)
  }
}

export class Targets {
  readonly kind = 'targets'
  /** Does it take nodes that come later, too? */
  readonly #open: boolean
  /** Nodes that have, or had, their run. */
  readonly #taken = new Set<string>()
  readonly #again = new Set<string>()
  #begun = false
  #postponed = 0
  #completed = 0

  constructor(open: boolean) {
    this.#open = open
  }

  get completed(): number {
    return this.#completed
  }

  complete(): void {
    this.#completed += 1
  }

  /** Has it been placed anywhere? */
  get begun(): boolean {
    return this.#begun
  }

  /** Is a run wanted at this node? */
  wants(node: string): boolean {
    return !this.#taken.has(node) && (this.#open || !this.#begun || this.#again.has(node))
  }

  /** Is there a node at which it has to be tried once more? */
  get waits(): boolean {
    return this.#postponed > 0 || this.#again.size > 0
  }

  take({ node }: Run): void {
    this.#taken.add(node)
    this.#again.delete(node)
  }

  /** The node is to have a run as soon as it takes one. */
  owe(node: string): void {
    this.#again.add(node)
  }

  /** Gives up the nodes at which it was to be tried once more and that `isLost` says will not have it. True if there were any. */
  drop(isLost: (node: string) => boolean): boolean {
    const lost = [...this.#again].filter(isLost)
    for (const node of lost) {
      this.#again.delete(node)
      this.#taken.add(node)
    }
    return lost.length > 0
  }

  /** The run at a node will be given back later. */
  postpone(): void {
    this.#postponed += 1
  }

  /** All nodes that were there have been given their run: `ops` looks for no others. */
  begin(): void {
    this.#begun = true
  }

  giveBack({ node }: Run): void {
    this.#postponed = Math.max(0, this.#postponed - 1)
    this.#taken.delete(node)
    this.#again.add(node)
  }
}
