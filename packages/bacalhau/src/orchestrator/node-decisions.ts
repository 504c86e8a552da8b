import { parseRecord } from '@bacalhau/models'
import { z } from 'zod'
import type { Journal, Recorded } from '../store/journal.ts'
import { put, remove, type Store, type Write } from '../store/store.ts'
import { isMeantBy } from './cluster.ts'
import type { Decision } from './membership.ts'

const decisionSchema = z.strictObject({ membership: z.enum(['APPROVED', 'REJECTED']), message: z.string() })

/** What an operator has decided about single nodes. It lasts until it is decided otherwise. */
export class NodeDecisions implements Recorded {
  readonly #journal: Journal
  readonly #decisions: Map<string, Decision>
  #writes: Write[] = []

  static async load(store: Store, journal: Journal): Promise<NodeDecisions> {
    const decisions = new Map<string, Decision>()
    for (const { key, value } of await store.range('node', { limit: Number.MAX_SAFE_INTEGER })) {
      const parsed = parseRecord(decisionSchema, value)
      if (parsed.ok) decisions.set(key, parsed.value)
    }
    return new NodeDecisions(journal, decisions)
  }

  private constructor(journal: Journal, decisions: Map<string, Decision>) {
    this.#journal = journal
    this.#decisions = decisions
  }

  get(peer: string): Decision | undefined {
    return this.#decisions.get(peer)
  }

  /** The one node that begins so of those about which something was decided. */
  find(id: string): string | undefined {
    const found = [...this.#decisions.keys()].filter(isMeantBy(id))
    return found.length === 1 ? found[0] : undefined
  }

  set(peer: string, decision: Decision): void {
    this.#decisions.set(peer, decision)
    this.#writes.push(put('node', peer, decision))
    this.#journal.record(this)
  }

  delete(peer: string): void {
    if (!this.#decisions.delete(peer)) return
    this.#writes.push(remove('node', peer))
    this.#journal.record(this)
  }

  takeWrites(): Write[] {
    const writes = this.#writes
    this.#writes = []
    return writes
  }

  onDurable(): void {}
}
