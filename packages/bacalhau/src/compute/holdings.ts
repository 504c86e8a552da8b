import type { FinalReport, Offer, ReportMessage } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Journal, Recorded } from '../store/journal.ts'
import { put, remove, type Write } from '../store/store.ts'
import { type HeldRow, type Holding, newOrder, type Order, orderKey } from './holding.ts'

/**
 * What this node holds for its orchestrators, in memory and in the store.
 *
 * Only the newest state of an execution is written and told, once for each unit: one that came and ended within a unit is one
 * report, and no row at all. Its row goes in the very unit in which its end is posted, since from then on the outbox of the link
 * keeps the end. So a row says: taken, and not ended as far as anyone was told.
 */
export class Holdings implements Recorded {
  readonly #journal: Journal
  readonly #post: (orchestrator: string, report: ReportMessage) => void
  readonly #executions = new Map<string, Holding>()
  readonly #orders = new Map<string, Order>()
  #changed = new Set<Holding>()
  #writes: Write[] = []

  constructor(journal: Journal, post: (orchestrator: string, report: ReportMessage) => void) {
    this.#journal = journal
    this.#post = post
  }

  get size(): number {
    return this.#executions.size
  }

  get(executionId: string): Holding | undefined {
    return this.#executions.get(executionId)
  }

  all(): IterableIterator<Holding> {
    return this.#executions.values()
  }

  /** The order of an offer: the known one as long as anything of it is held, else a new one. */
  orderOf(orchestrator: string, { job, resources }: Offer): Order {
    return this.#orders.get(orderKey(orchestrator, job)) ?? newOrder(orchestrator, job, resources)
  }

  add(holding: Holding): void {
    this.#executions.set(holding.executionId, holding)
    this.#orders.set(holding.order.key, holding.order)
    holding.order.users += 1
    this.changed(holding)
  }

  /** `holding` is to be written and told as it will be at the end of this turn. */
  changed(holding: Holding): void {
    this.#changed.add(holding)
    this.#journal.record(this)
  }

  /** The same for news that can wait a moment for company. */
  changedSoon(holding: Holding): void {
    this.#changed.add(holding)
    this.#journal.recordSoon(this)
  }

  /** The execution has ended, whether it was added before or not. */
  end(holding: Holding, report: FinalReport): void {
    holding.report = report
    if (this.#executions.get(holding.executionId) === holding) {
      this.#executions.delete(holding.executionId)
      holding.order.users -= 1
    }
    this.changed(holding)
  }

  /** Takes over what a former process has written: an order, an execution. */
  restoreOrder(order: Order): void {
    order.stored = true
    this.#orders.set(order.key, order)
  }

  restore(holding: Holding): void {
    holding.storedStarts = holding.starts
    holding.told = 5
    holding.order.rows += 1
    this.add(holding)
  }

  /** Removes rows that nothing stands behind. */
  discard(...writes: readonly Write[]): void {
    this.#writes.push(...writes)
    this.#journal.record(this)
  }

  takeWrites(): Write[] {
    const [changed, writes] = [this.#changed, this.#writes]
    this.#changed = new Set()
    this.#writes = []
    const orders = new Set<Order>()
    for (const holding of changed) {
      if (holding.report === undefined) this.#writeOpen(holding, writes, orders)
      else this.#writeEnded(holding, holding.report, writes, orders)
    }
    for (const order of orders) this.#writeOrder(order, writes)
    return writes
  }

  onDurable(): void {
    // Whatever follows from a unit is a message, which the link lets out.
  }

  #writeOpen(holding: Holding, writes: Write[], orders: Set<Order>): void {
    const { executionId, orchestrator, order, partitionIndex, starts, state } = holding
    if (holding.storedStarts === undefined) order.rows += 1
    if (holding.storedStarts !== starts) {
      const row: HeldRow = { orchestrator, order: order.key, partition: partitionIndex, starts }
      writes.push(put('held', executionId, row))
      holding.storedStarts = starts
      orders.add(order)
    }
    if (holding.told >= state) return
    holding.told = state
    if (state === 5) return this.#post(orchestrator, { type: 'accepted', executionId })
    const message = holding.note === undefined ? {} : { message: holding.note.slice(0, LIMITS.message) }
    this.#post(orchestrator, { type: 'progress', executionId, state, ...message })
  }

  #writeEnded(holding: Holding, report: FinalReport, writes: Write[], orders: Set<Order>): void {
    this.#post(holding.orchestrator, report)
    if (holding.storedStarts !== undefined) {
      holding.storedStarts = undefined
      holding.order.rows -= 1
      writes.push(remove('held', holding.executionId))
    }
    orders.add(holding.order)
  }

  #writeOrder(order: Order, writes: Write[]): void {
    const { key, job, resources, users, rows, stored } = order
    order.stored = rows > 0
    if (order.stored && !stored) writes.push(put('order', key, { job, resources }))
    if (!order.stored && stored) writes.push(remove('order', key))
    if (users === 0 && this.#orders.get(key) === order) this.#orders.delete(key)
  }
}
