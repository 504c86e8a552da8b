import { type RangeQuery, type Row, type Store, TABLES, type Table, type Write } from './store.ts'
import { storeStopped, type Unit, unitOf } from './unit.ts'

/** A store that forgets. It can lose exactly what was not committed, as a machine does when its power is cut. */
export interface MemoryStore extends Store {
  /** Drops every unit whose `commit` has not resolved yet; those promises never settle. */
  crash(): void
}

export function createMemoryStore(): MemoryStore {
  const tables = new Map<Table, SortedTable>(TABLES.map((table) => [table, createTable()]))
  let pending: Unit[] = []
  let stopped = false

  const table = (name: Table): SortedTable => {
    const found = tables.get(name)
    if (found === undefined) throw new Error(`no table ${name}`)
    return found
  }

  function flush(): void {
    const units = pending
    pending = []
    for (const unit of units) {
      for (const [write, json] of unit.writes) table(write.table).apply(write, json)
      unit.resolve()
    }
  }

  return {
    commit(writes) {
      if (stopped) return Promise.reject(storeStopped())
      return new Promise((resolve, reject) => {
        pending.push(unitOf(writes, resolve, reject))
        if (pending.length === 1) setImmediate(flush)
      })
    },
    async get(name, key) {
      if (stopped) throw storeStopped()
      const json = table(name).rows.get(key)
      return json === undefined ? undefined : JSON.parse(json)
    },
    async range(name, query) {
      if (stopped) throw storeStopped()
      return table(name).select(query)
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

interface SortedTable {
  readonly rows: ReadonlyMap<string, string>
  apply(write: Write, json: string): void
  select(query: RangeQuery): Row[]
}

/** Rows by key, and the keys in order. */
function createTable(): SortedTable {
  const rows = new Map<string, string>()
  const keys: string[] = []

  /** How many keys come before `key`. */
  function rank(key: string): number {
    const last = keys.at(-1)
    // The usual place of a new key: keys hold times and numbers that go up.
    if (last === undefined || compareKeys(last, key) < 0) return keys.length
    let [low, high] = [0, keys.length - 1]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(keys[middle] ?? '', key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  const endOf = (prefix: string): number => rank(prefix + BEYOND)

  return {
    rows,
    apply(write, json) {
      if (write.op === 'clear') {
        const first = rank(write.prefix)
        for (const key of keys.splice(first, endOf(write.prefix) - first)) rows.delete(key)
      } else if (write.op === 'delete') {
        if (rows.delete(write.key)) keys.splice(rank(write.key), 1)
      } else {
        if (!rows.has(write.key)) keys.splice(rank(write.key), 0, write.key)
        rows.set(write.key, json)
      }
    },
    select({ prefix = '', after, reverse = false, limit }) {
      let [first, end] = [rank(prefix), endOf(prefix)]
      if (after !== undefined) {
        const place = rank(after)
        if (reverse) end = Math.min(end, place)
        else first = Math.max(first, keys[place] === after ? place + 1 : place)
      }
      const found = reverse
        ? keys.slice(Math.max(first, end - limit), end).reverse()
        : keys.slice(first, Math.min(end, first + limit))
      return found.map((key) => ({ key, value: JSON.parse(rows.get(key) ?? '') as unknown }))
    },
  }
}

/** After every key that begins with what stands before it: keys hold no such code point. */
const BEYOND = '\u{10FFFF}'

/** Order by code point, as databases compare UTF-8 text; JavaScript's `<` compares UTF-16 units. */
function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (x !== y) return weight(x) - weight(y)
  }
  return a.length - b.length
}

/** Halves of code points beyond U+FFFF (U+D800 to U+DFFF) come after the units from U+E000 on. */
const weight = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)
