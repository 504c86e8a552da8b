import fs from 'node:fs'
import { promisify } from 'node:util'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import { createCheckpointThread } from './checkpoint-thread.ts'
import { type Checkpointer, createCheckpointer } from './checkpoint.ts'
import { createGroupSync, type GroupSync } from './group-sync.ts'
import { corrupt, storeError, syncFailed } from './sqlite-error.ts'
import { applyUnit, prepareTables, selectRange, type Tables } from './sqlite-tables.ts'
import type { Store } from './store.ts'
import { openStoreFile, type StoreFile, WAL_LIMIT } from './store-file.ts'
import { storeStopped, type Unit, unitOf } from './unit.ts'

export interface SqliteOptions {
  /** The file grows no further than this many bytes; then commits are rejected with `DiskFull`. */
  readonly maxBytes?: number
  readonly clock?: Clock
  /** How data gets to the disk for good. Injected by tests, since no disk fails on demand. */
  readonly sync?: (descriptor: number) => Promise<void>
  /** Bytes of write-ahead log from which on it is moved into the database. */
  readonly walLimit?: number
}

/** `fdatasync`, or what is stronger where the platform needs it (`F_FULLFSYNC` on macOS), in a thread of the platform's pool. */
const syncData = promisify(fs.fdatasync)

/**
 * A store in one SQLite file with a write-ahead log. Units that arrive in the same turn of the event loop share a transaction.
 *
 * The transaction is written with `synchronous=NORMAL`, and we sync the log ourselves before anyone is told that it is
 * committed. That is what `synchronous=FULL` promises: https://sqlite.org/pragma.html#pragma_synchronous says that NORMAL
 * syncs the log before a checkpoint, the database after a completed one, and the head of a log that begins anew, and
 * https://sqlite.org/wal.html#performance_considerations that FULL adds one sync of the log after each transaction. SQLite
 * would wait for that one on the main thread (0.6 of the 0.8 ms that a unit takes); ours blocks nobody, and one is enough for
 * all transactions that were written before it began.
 *
 * So there are transactions that this connection sees and that a power cut may still undo. A reader of one gets its answer
 * when the sync has come to its end.
 */
export function openSqliteStore(file: string, options: SqliteOptions = {}): Store {
  const opened = openStoreFile(file, options.maxBytes)
  const tables = prepareTables(opened.database)
  const { sync = syncData } = options
  const groups = createGroupSync(
    () => sync(opened.wal),
    (cause) => syncFailed(file, cause),
  )
  const checkpointer = checkpointerOf(opened, groups, options)
  const write = createWriter(opened, tables, groups)
  const read = createReader(opened, tables, groups)
  let queue: Unit[] = []
  let stopping: Promise<void> | undefined

  function flush(): void {
    const units = queue
    queue = []
    if (units.length === 0) return
    write(units)
    checkpointer.consider()
  }

  async function end(): Promise<void> {
    try {
      flush()
      // Whoever waits for a unit hears of a failure.
      await groups.settled().catch(() => undefined)
      await checkpointer.stop()
    } finally {
      opened.close()
    }
  }

  return {
    commit(writes) {
      if (stopping !== undefined) return Promise.reject(storeStopped())
      return new Promise((resolve, reject) => {
        queue.push(unitOf(writes, resolve, reject))
        if (queue.length === 1) setImmediate(flush)
      })
    },
    get: (table, key) => (stopping === undefined ? read.get(table, key) : Promise.reject(storeStopped())),
    range: (table, query) => (stopping === undefined ? read.range(table, query) : Promise.reject(storeStopped())),
    stop: () => (stopping ??= end()),
  }
}

function checkpointerOf(opened: StoreFile, groups: GroupSync, options: SqliteOptions): Checkpointer {
  const { file, database, wal, main } = opened
  const { clock = systemClock, sync = syncData, walLimit = WAL_LIMIT } = options
  return createCheckpointer({
    database,
    thread: createCheckpointThread(file, clock),
    walSize: () => fs.fstatSync(wal).size,
    walLimit,
    async syncMain() {
      try {
        await sync(main)
      } catch (error) {
        groups.fail(error)
        throw error
      }
    },
  })
}

/** Writes units in one transaction; if that fails, each in its own, so that one that is too large for the disk fails alone. */
function createWriter({ database, file }: StoreFile, tables: Tables, groups: GroupSync) {
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  const rollback = database.prepare('ROLLBACK')
  return function write(units: readonly Unit[]): void {
    try {
      // Nothing is built upon what may be lost.
      groups.assertSound()
      begin.run()
      for (const unit of units) applyUnit(tables, unit)
      commit.run()
    } catch (error) {
      if (database.isTransaction) rollback.run()
      if (units.length > 1) for (const unit of units) write([unit])
      else units[0]?.reject(storeError(error, file))
      return
    }
    for (const unit of units) groups.wrote(unit)
  }
}

/** Reads what is written, and answers when that is durable. */
function createReader({ file }: StoreFile, tables: Tables, groups: GroupSync): Pick<Store, 'get' | 'range'> {
  async function durable<T>(select: () => T): Promise<T> {
    groups.assertSound()
    try {
      const found = select()
      await groups.settled()
      return found
    } catch (error) {
      throw storeError(error, file)
    }
  }

  function parse(json: unknown): unknown {
    try {
      return JSON.parse(String(json))
    } catch (error) {
      throw corrupt(file, messageOf(error), error)
    }
  }

  return {
    async get(table, key) {
      const row = await durable(() => tables[table].get.get(key))
      return row === undefined ? undefined : parse(row['value'])
    },
    async range(table, query) {
      const rows = await durable(() => selectRange(tables, table, query))
      return rows.map((row) => ({ key: String(row['key']), value: parse(row['value']) }))
    },
  }
}
