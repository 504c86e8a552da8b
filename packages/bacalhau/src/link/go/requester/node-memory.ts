import { nodeInfoSchema } from '@bacalhau/models'
import { z } from 'zod'
import type { Logger } from '../../../runtime/logger.ts'
import type { Journal, Recorded } from '../../../store/journal.ts'
import { put, remove, type Store, type Write } from '../../../store/store.ts'
import type { KnownNode } from '../../facts/known-node.ts'

const workerSchema = z.object({ generation: z.enum(['b', 'c']), version: z.string(), info: nodeInfoSchema })
/** What has to be known of a node to work with it. */
export type Worker = Pick<KnownNode, 'peerId' | 'generation' | 'version' | 'info'>

/** More nodes than any swarm of that time had. */
const MOST = 10_000

/**
 * Nodes that work for us, durably: after a restart they are connected long before they tell again what they are, and what runs
 * there must not be given up meanwhile.
 */
export class NodeMemory implements Recorded {
  readonly #journal: Pick<Journal, 'recordSoon'>
  readonly #workers = new Map<string, Worker>()
  #stale = new Set<string>()

  constructor(journal: Pick<Journal, 'recordSoon'>) {
    this.#journal = journal
  }

  async load(store: Pick<Store, 'range'>, logger: Logger): Promise<void> {
    for (const { key: peerId, value } of await store.range('go-node', { limit: MOST })) {
      const worker = workerSchema.safeParse(value)
      if (worker.success) this.#workers.set(peerId, { peerId, ...worker.data })
      else logger.warn({ node: peerId }, 'what was kept of a Go node cannot be read')
    }
  }

  get(peerId: string): Worker | undefined {
    return this.#workers.get(peerId)
  }

  note({ peerId, generation, version, info }: Worker): void {
    this.#workers.set(peerId, { peerId, generation, version, info })
    this.#changed(peerId)
  }

  drop(peerId: string): void {
    if (this.#workers.delete(peerId)) this.#changed(peerId)
  }

  takeWrites(): Write[] {
    const stale = this.#stale
    this.#stale = new Set()
    return [...stale].map((peerId) => {
      const worker = this.#workers.get(peerId)
      if (worker === undefined) return remove('go-node', peerId)
      const { generation, version, info } = worker
      return put('go-node', peerId, { generation, version, info })
    })
  }

  onDurable(): void {}

  #changed(peerId: string): void {
    this.#stale.add(peerId)
    this.#journal.recordSoon(this)
  }
}
