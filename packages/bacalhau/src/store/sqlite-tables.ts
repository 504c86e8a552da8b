import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type RangeQuery, TABLES, type Table } from './store.ts'
import type { Unit } from './unit.ts'

/** Above every key: no text holds a code point beyond this one. SQLite compares text as UTF-8, so by code point. */
const BEYOND = '\u{10FFFF}'

type Statements = Record<'put' | 'remove' | 'clear' | 'get' | 'ascending' | 'descending', StatementSync>
export type Tables = Readonly<Record<Table, Statements>>

export function prepareTables(database: DatabaseSync): Tables {
  const entries = TABLES.map((table): [Table, Statements] => [table, prepare(database, table)])
  return Object.fromEntries(entries) as Record<Table, Statements>
}

function prepare(database: DatabaseSync, table: Table): Statements {
  return {
    put: database.prepare(`INSERT OR REPLACE INTO "${table}" VALUES (?, ?)`),
    remove: database.prepare(`DELETE FROM "${table}" WHERE key = ?`),
    clear: database.prepare(`DELETE FROM "${table}" WHERE key >= ? AND key < ?`),
    get: database.prepare(`SELECT value FROM "${table}" WHERE key = ?`),
    ascending: database.prepare(
      `SELECT key, value FROM "${table}" WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?`,
    ),
    descending: database.prepare(
      `SELECT key, value FROM "${table}" WHERE key >= ? AND key < ? AND key < ? ORDER BY key DESC LIMIT ?`,
    ),
  }
}

export function applyUnit(tables: Tables, { writes }: Unit): void {
  for (const [write, json] of writes) {
    const statements = tables[write.table]
    if (write.op === 'put') statements.put.run(write.key, json)
    else if (write.op === 'delete') statements.remove.run(write.key)
    else statements.clear.run(write.prefix, write.prefix + BEYOND)
  }
}

export function selectRange(tables: Tables, table: Table, query: RangeQuery) {
  const { prefix = '', after, reverse = false, limit } = query
  const { ascending, descending } = tables[table]
  return reverse
    ? descending.all(prefix, prefix + BEYOND, after ?? BEYOND + BEYOND, limit)
    : ascending.all(prefix, after ?? '', prefix + BEYOND, limit)
}
