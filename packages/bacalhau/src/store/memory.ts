import { type RangeQuery, type Row, type Store, TABLES, type Table, type Write } from './store.ts'

/** A store that forgets. It can lose exactly what was not committed, as a machine does when its power is cut. */
export interface MemoryStore extends Store {
  /** Drops every unit whose `commit` has not resolved yet; those promises never settle. */
  crash(): void
}

export function createMemoryStore(): MemoryStore {
  const tables = new Map<Table, Map<string, string>>(TABLES.map((table) => [table, new Map()]))
  let pending: { writes: readonly [Write, string][]; resolve: () => void }[] = []
  let stopped = false

  const rows = (table: Table) => tables.get(table) ?? new Map<string, string>()

  function flush(): void {
    const units = pending
    pending = []
    for (const { writes, resolve } of units) {
      for (const [write, json] of writes) {
        if (write.op === 'put') rows(write.table).set(write.key, json)
        else rows(write.table).delete(write.key)
      }
      resolve()
    }
  }

  return {
    commit(writes) {
      if (stopped) return Promise.reject(new Error('the store is stopped'))
      // Serialised now, so that a caller who changes the document later does not change what was committed.
      const serialised = writes.map((write): [Write, string] => [
        write,
        write.op === 'put' ? JSON.stringify(write.value) : '',
      ])
      return new Promise((resolve) => {
        pending.push({ writes: serialised, resolve })
        if (pending.length === 1) setImmediate(flush)
      })
    },
    async get(table, key) {
      const json = rows(table).get(key)
      return json === undefined ? undefined : JSON.parse(json)
    },
    async range(table, query) {
      return select([...rows(table)], query)
    },
    crash() {
      pending = []
    },
    async stop() {
      flush()
      stopped = true
    },
  }
}

function select(rows: readonly (readonly [string, string])[], query: RangeQuery): Row[] {
  const { prefix = '', after, reverse = false, limit } = query
  const sign = reverse ? -1 : 1
  return rows
    .filter(([key]) => key.startsWith(prefix) && (after === undefined || compare(key, after) * sign > 0))
    .toSorted(([a], [b]) => compare(a, b) * sign)
    .slice(0, limit)
    .map(([key, json]) => ({ key, value: JSON.parse(json) as unknown }))
}

/** Order by code point, as databases compare UTF-8 text; JavaScript's `<` compares UTF-16 units. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
