import { nodeInfoSchema } from '@bacalhau/models'
import { z } from 'zod'
import type { Logger } from '../../../runtime/logger.ts'
import { allRows } from '../../../store/all-rows.ts'
import { ChangedRows } from '../../../store/changed-rows.ts'
import type { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import type { KnownNode } from '../../facts/known-node.ts'

const workerSchema = z.object({ generation: z.enum(['b', 'c']), version: z.string(), info: nodeInfoSchema })
/** What has to be known of a node to work with it. */
export type Worker = Pick<KnownNode, 'peerId' | 'generation' | 'version' | 'info'>

/**
 * Nodes that work for us, durably: after a restart they are connected long before they tell again what they are, and what runs
 * there must not be given up meanwhile.
 */
export class NodeMemory {
  readonly #rows: ChangedRows
  readonly #workers = new Map<string, Worker>()

  constructor(journal: Pick<Journal, 'recordSoon'>) {
    this.#rows = new ChangedRows(
      'go-node',
      (peerId) => this.#document(peerId),
      (rows) => journal.recordSoon(rows),
    )
  }

  async load(store: Pick<Store, 'range'>, logger: Logger): Promise<void> {
    for await (const { key: peerId, value } of allRows(store, 'go-node')) {
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
    this.#rows.note(peerId)
  }

  drop(peerId: string): void {
    if (this.#workers.delete(peerId)) this.#rows.note(peerId)
  }

  #document(peerId: string): z.infer<typeof workerSchema> | undefined {
    const worker = this.#workers.get(peerId)
    if (worker === undefined) return undefined
    const { generation, version, info } = worker
    return { generation, version, info }
  }
}
