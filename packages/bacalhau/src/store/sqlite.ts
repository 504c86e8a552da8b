import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { migrate } from './migrations.ts'
import { type RangeQuery, type Store, TABLES, type Table, type Write } from './store.ts'

interface Unit {
  readonly writes: readonly Write[]
  readonly values: readonly string[]
  resolve(): void
  reject(error: unknown): void
}

export interface SqliteOptions {
  /** The file grows no further than this many bytes; then commits are rejected with `DiskFull`. */
  readonly maxBytes?: number
}

/**
 * A store in one SQLite file (write-ahead log, `synchronous=FULL`: a committed unit survives a power cut). Units that arrive
 * in the same turn of the event loop share one transaction and so one disk sync.
 */
export function openSqliteStore(file: string, { maxBytes }: SqliteOptions = {}): Store {
  const database = open(file)
  if (maxBytes !== undefined) limitSize(database, maxBytes)
  const statements = prepare(database)
  let queue: Unit[] = []
  let stopped = false

  function flush(): void {
    const units = queue
    queue = []
    if (units.length === 0) return
    try {
      database.exec('BEGIN IMMEDIATE')
      for (const unit of units)
        unit.writes.forEach((write, index) => apply(statements, write, unit.values[index] ?? ''))
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      const failure = storeError(error, file)
      for (const unit of units) unit.reject(failure)
      return
    }
    for (const unit of units) unit.resolve()
  }

  return {
    commit(writes) {
      if (stopped) return Promise.reject(new Error('the store is stopped'))
      const values = writes.map((write) => (write.op === 'put' ? JSON.stringify(write.value) : ''))
      return new Promise((resolve, reject) => {
        queue.push({ writes, values, resolve, reject })
        if (queue.length === 1) setImmediate(flush)
      })
    },
    async get(table, key) {
      const row = statements[table].get.get(key)
      return row === undefined ? undefined : parseValue(row['value'], file)
    },
    async range(table, query) {
      return select(statements[table], query).map((row) => ({
        key: String(row['key']),
        value: parseValue(row['value'], file),
      }))
    },
    async stop() {
      if (stopped) return
      flush()
      stopped = true
      database.close()
    },
  }
}

function limitSize(database: DatabaseSync, maxBytes: number): void {
  const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size'])
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`)
}

function open(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file)
    try {
      // A wait for another process that has the file open, for example a back-up.
      database.exec(
        'PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON',
      )
      const [check] = database.prepare('PRAGMA quick_check(1)').all()
      if (check?.['quick_check'] !== 'ok') throw new Error(String(check?.['quick_check']))
      migrate(database, file)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    throw storeError(error, file)
  }
}

type TableStatements = Record<'put' | 'remove' | 'get' | 'ascending' | 'descending', StatementSync>

function prepare(database: DatabaseSync): Record<Table, TableStatements> {
  const entries = TABLES.map((table): [Table, TableStatements] => [
    table,
    {
      put: database.prepare(
        `INSERT INTO "${table}" VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      ),
      remove: database.prepare(`DELETE FROM "${table}" WHERE key = ?`),
      get: database.prepare(`SELECT value FROM "${table}" WHERE key = ?`),
      ascending: database.prepare(
        `SELECT key, value FROM "${table}" WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?`,
      ),
      descending: database.prepare(
        `SELECT key, value FROM "${table}" WHERE key >= ? AND key < ? AND key < ? ORDER BY key DESC LIMIT ?`,
      ),
    },
  ])
  return Object.fromEntries(entries) as Record<Table, TableStatements>
}

function apply(statements: Record<Table, TableStatements>, write: Write, value: string): void {
  if (write.op === 'put') statements[write.table].put.run(write.key, value)
  else statements[write.table].remove.run(write.key)
}

/** Above every key: no text holds a code point beyond this one. */
const BEYOND = '\u{10FFFF}'

function select(statements: TableStatements, { prefix = '', after, reverse = false, limit }: RangeQuery) {
  return reverse
    ? statements.descending.all(prefix, prefix + BEYOND, after ?? BEYOND + BEYOND, limit)
    : statements.ascending.all(prefix, after ?? '', prefix + BEYOND, limit)
}

function parseValue(value: unknown, file: string): unknown {
  try {
    return JSON.parse(String(value))
  } catch (error) {
    throw storeError(error, file)
  }
}

/** SQLite's result codes that say "no room" (SQLITE_FULL) or "not writable" (SQLITE_READONLY, SQLITE_CANTOPEN). */
const [FULL, READ_ONLY, CANNOT_OPEN] = [13, 8, 14]

function storeError(error: unknown, file: string): unknown {
  if (error instanceof BacalhauError) return error
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  if (code === FULL) return new BacalhauError('DiskFull', `No room left on the disk of ${file}`, { cause: error })
  if (code === READ_ONLY || code === CANNOT_OPEN) {
    return new BacalhauError('DataDirUnusable', `${file} cannot be written: ${messageOf(error)}`, { cause: error })
  }
  return new BacalhauError('StoreCorrupt', `${file} is damaged or no store of bacalhau: ${messageOf(error)}`, {
    hint: 'The file was left as it is. Restore it from a back-up, or move it away to begin with an empty store.',
    cause: error,
  })
}
