import { parseRecord } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { remove, type Row, type Store, type Write } from '../store/store.ts'
import { heldRowSchema, type Holding, newHolding, newOrder, type Order, orderRowSchema } from './holding.ts'
import type { Holdings } from './holdings.ts'
import { isSafeId } from './safe-id.ts'

/** What a former process has left in the store. */
export interface Recovered {
  /** To be run again, in the order in which they should be. Already among the holdings. */
  readonly held: readonly Holding[]
  /** Not to be run again, and why. */
  readonly lost: readonly Lost[]
  /** Removes the rows of what is lost and those that are of no use. Belongs into the unit of what is said about the lost. */
  readonly removals: readonly Write[]
}

export interface Lost {
  readonly executionId: string
  readonly orchestrator: string
  readonly message: string
}

const ALL = { limit: Number.MAX_SAFE_INTEGER }
const DAMAGED = 'the record of the execution on the compute node is damaged'
const INTERRUPTED = `the compute node went down ${LIMITS.interruptedStarts} times while it ran the job`

/** Reads the tables `held` and `order` into `holdings`. */
export async function recoverHoldings(store: Store, holdings: Holdings, logger: Logger): Promise<Recovered> {
  const removals: Write[] = []
  const orders = new Map<string, Order>()
  for (const { key, value } of await store.range('order', ALL)) {
    const parsed = parseRecord(orderRowSchema, value)
    if (parsed.ok) orders.set(key, { ...newOrder('', parsed.value.job, parsed.value.resources), key })
    else removals.push(remove('order', key))
  }
  const held: Holding[] = []
  const lost: Lost[] = []
  for (const row of await store.range('held', ALL)) {
    const found = read(row, orders)
    if (found === undefined) logger.error({ key: row.key }, 'dropped a damaged record of an execution')
    else if ('message' in found) lost.push(found)
    else held.push(found)
    if (found === undefined || 'message' in found) removals.push(remove('held', row.key))
  }
  const wanted = new Set(held.map(({ order }) => order))
  for (const order of orders.values()) {
    if (wanted.has(order)) holdings.restoreOrder(order)
    else removals.push(remove('order', order.key))
  }
  for (const holding of held) holdings.restore(holding)
  // Those that ran before go first: they had their turn already.
  return { held: held.toSorted((a, b) => b.starts - a.starts), lost, removals }
}

function read({ key, value }: Row, orders: ReadonlyMap<string, Order>): Holding | Lost | undefined {
  const parsed = parseRecord(heldRowSchema, value)
  const order = parsed.ok ? orders.get(parsed.value.order) : undefined
  if (!parsed.ok || order === undefined || !isSafeId(key)) {
    const orchestrator = orchestratorIn(value)
    return orchestrator === undefined ? undefined : { executionId: key, orchestrator, message: DAMAGED }
  }
  const { orchestrator, partition, starts } = parsed.value
  if (starts >= LIMITS.interruptedStarts) return { executionId: key, orchestrator, message: INTERRUPTED }
  return { ...newHolding(key, orchestrator, order, partition), starts }
}

/** Who ordered it, as far as a damaged record still says so. */
function orchestratorIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('orchestrator' in value)) return undefined
  return typeof value.orchestrator === 'string' && isSafeId(value.orchestrator) ? value.orchestrator : undefined
}
