import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { layoutOf } from './migrations.ts'
import { corrupt, isCorruption, storeError } from './sqlite-error.ts'
import { syncFolder } from './store-file.ts'
import { lockStore } from './store-lock.ts'
import type { Table } from './store.ts'

/** What a check of a whole store found. */
export interface StoreReport {
  /** Bytes of the database file. Of a damaged store nothing else is known. */
  readonly bytes: number
  readonly layout: number
  readonly rows: number
  /** Sentences of SQLite about what is damaged, at most 100; empty for a sound store. */
  readonly problems: readonly string[]
}

/**
 * Reads all of the store in `file`, also while a node uses it; changes nothing. Throws `NotFound`, and `StoreCorrupt` for a
 * file that is no store at all.
 */
export function checkStore(file: string): StoreReport {
  return reading(file, (database) => {
    const problems = problemsOf(database)
    if (problems.length > 0) return { bytes: fs.statSync(file).size, layout: 0, rows: 0, problems }
    const [layout, rows] = [layoutOf(database, file), countRows(database)]
    return { bytes: fs.statSync(file).size, layout, rows, problems }
  })
}

/**
 * Copies the store in `file` to the new file `target`, as it is at one moment, also while a node uses it. Nothing appears under
 * the name until the copy is complete, checked and on disk; a file that is there already is never replaced (`Conflict`).
 */
export function backupStore(file: string, target: string): StoreReport {
  refuseExisting(target)
  return withTemporary(target, (temporary) => {
    // For its owner only: the store holds the join token. SQLite takes an empty file.
    fs.writeFileSync(temporary, '', { mode: 0o600, flag: 'wx' })
    reading(file, (database) => database.prepare('VACUUM INTO ?').run(temporary))
    const report = soundStore(temporary)
    syncFile(temporary)
    secondName(temporary, target)
    return report
  })
}

/**
 * Puts the back-up `source` in the place of the store in `file`. `forget` names rows that the restored store is not to have.
 * The former store is kept beside it under the name that is returned, undefined if there was none. Throws `Conflict` while a
 * node uses the store, `StoreCorrupt` for a back-up that is damaged or of a newer program; then nothing has changed.
 */
export function restoreStore(
  source: string,
  file: string,
  forget: readonly (readonly [Table, string])[],
): { readonly report: StoreReport; readonly former: string | undefined } {
  const lock = lockStore(file)
  try {
    soundStore(source)
    return withTemporary(file, (temporary) => {
      fs.copyFileSync(source, temporary, fs.constants.COPYFILE_EXCL)
      fs.chmodSync(temporary, 0o600)
      const report = amend(temporary, forget)
      const former = setAside(file)
      fs.renameSync(temporary, file)
      return { report, former }
    })
  } catch (error) {
    throw storeError(error, file)
  } finally {
    lock.release()
  }
}

function amend(file: string, forget: readonly (readonly [Table, string])[]): StoreReport {
  const database = new DatabaseSync(file)
  try {
    for (const [table, key] of forget) database.prepare(`DELETE FROM "${table}" WHERE key = ?`).run(key)
  } finally {
    database.close()
  }
  syncFile(file)
  return soundStore(file)
}

/**
 * Keeps the store and its log under a second name. Then the log under the first name goes, before the database is replaced: a
 * log must never meet a database that is not its own.
 */
function setAside(file: string): string | undefined {
  if (!fs.existsSync(file)) return undefined
  const former = `${file}.replaced-${randomBytes(4).toString('hex')}`
  for (const suffix of ['', '-wal']) if (fs.existsSync(file + suffix)) secondName(file + suffix, former + suffix)
  syncFolder(path.dirname(file))
  for (const suffix of ['-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  return former
}

/** Gives `file` another name that is free, by a link, which never replaces anything; by a copy where there are no links. */
function secondName(file: string, name: string): void {
  try {
    fs.linkSync(file, name)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') refuseExisting(name)
    fs.copyFileSync(file, name, fs.constants.COPYFILE_EXCL)
    syncFile(name)
  }
}

function problemsOf(database: DatabaseSync): string[] {
  try {
    const found = database.prepare('PRAGMA integrity_check(100)').all()
    return found.map((row) => String(row['integrity_check'])).filter((problem) => problem !== 'ok')
  } catch (error) {
    // Some damage keeps even the check from going on.
    if (!isCorruption(error)) throw error
    return [messageOf(error)]
  }
}

function soundStore(file: string): StoreReport {
  const report = checkStore(file)
  const [problem] = report.problems
  if (problem !== undefined) throw corrupt(file, problem)
  if (report.layout === 0) throw corrupt(file, 'it has no tables')
  return report
}

function countRows(database: DatabaseSync): number {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  const counts = tables.map(({ name }) => database.prepare(`SELECT count(*) AS rows FROM "${String(name)}"`).get())
  return counts.reduce((sum, row) => sum + Number(row?.['rows']), 0)
}

/** A connection that reads `file`, and is closed when `use` returns. */
function reading<T>(file: string, use: (database: DatabaseSync) => T): T {
  if (!fs.existsSync(file)) {
    throw new BacalhauError('NotFound', `There is no store at ${file}.`, {
      hint: 'Name the data folder of the node with --data-dir, and its swarm port with --swarm-port.',
    })
  }
  try {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      database.exec('PRAGMA busy_timeout = 5000')
      return use(database)
    } finally {
      database.close()
    }
  } catch (error) {
    throw storeError(error, file)
  }
}

function refuseExisting(target: string): void {
  if (!fs.existsSync(target)) return
  throw new BacalhauError('Conflict', `${target} exists already.`, { hint: 'Choose another name, or move it away.' })
}

/** Runs `use` with a free name beside `target`; what it leaves under that name is removed. */
function withTemporary<T>(target: string, use: (temporary: string) => T): T {
  const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const result = use(temporary)
    syncFolder(path.dirname(target))
    return result
  } catch (error) {
    throw storeError(error, target)
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(temporary + suffix, { force: true })
  }
}

function syncFile(file: string): void {
  const descriptor = fs.openSync(file, 'r+')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
