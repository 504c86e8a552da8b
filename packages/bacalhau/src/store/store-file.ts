import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BacalhauError } from '../runtime/error.ts'
import { migrate } from './migrations.ts'
import { corrupt, storeError } from './sqlite-error.ts'
import { lockStore } from './store-lock.ts'

/**
 * Bytes up to which a file is checked as a whole at every start; some 1 ms a MB. Damage in a larger one shows when the page is
 * read; `bacalhau store check` reads them all.
 */
const CHECKED = 512 << 20

/** The log is begun anew as soon as it is longer than this, in bytes; see `checkpoint.ts`. */
export const WAL_LIMIT = 16 << 20

/** The files of an open store. */
export interface StoreFile {
  readonly file: string
  readonly database: DatabaseSync
  /** Descriptors of the write-ahead log and of the database, for syncs. */
  readonly wal: number
  readonly main: number
  close(): void
}

/**
 * Opens the store in `file` for this process alone, makes it if it is missing, and brings it to the present layout. Throws
 * `Conflict`, `StoreCorrupt`, `DataDirUnusable` or `DiskFull`.
 *
 * POSIX drops all locks that a process has on a file as soon as it closes any descriptor of it. So our own descriptor of the
 * main file is older than SQLite's and closed after it; nobody else in this process may open that file. The log has no locks,
 * and while SQLite has the database open the log is neither replaced nor deleted.
 */
export function openStoreFile(file: string, maxBytes: number | undefined): StoreFile {
  const releases: (() => void)[] = []
  const close = () => {
    for (let release = releases.pop(); release !== undefined; release = releases.pop()) release()
  }
  try {
    const lock = lockStore(file)
    releases.push(() => lock.release())
    const main = openDescriptor(file, fs.constants.O_RDWR | fs.constants.O_CREAT, releases)
    const database = new DatabaseSync(file)
    releases.push(() => database.close())
    prepare(database, file, fs.fstatSync(main).size, maxBytes)
    // Syncing needs no right to write but on Windows.
    const readable = process.platform === 'win32' ? fs.constants.O_RDWR : fs.constants.O_RDONLY
    const wal = openDescriptor(`${file}-wal`, readable, releases)
    // After a crash of the process alone the log may hold units that never reached the disk: from now on they are believed.
    fs.fsyncSync(wal)
    syncFolder(path.dirname(file))
    return { file, database, wal, main, close }
  } catch (error) {
    close()
    throw storeError(error, file)
  }
}

function openDescriptor(file: string, flags: number, releases: (() => void)[]): number {
  const descriptor = fs.openSync(file, flags, 0o600)
  releases.push(() => fs.closeSync(descriptor))
  return descriptor
}

function prepare(database: DatabaseSync, file: string, size: number, maxBytes: number | undefined): void {
  // A wait for another process that has the file open, for example a back-up.
  database.exec('PRAGMA busy_timeout = 2000')
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal') {
    throw new BacalhauError('DataDirUnusable', `The file system of ${file} does not support a write-ahead log.`)
  }
  // See sqlite.ts for the first, checkpoint.ts for the next two. Eight megabytes of cache, when they are needed.
  database.exec(
    `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_LIMIT};
     PRAGMA cache_size = -8192`,
  )
  if (size <= CHECKED) {
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok') throw corrupt(file, String(found))
  }
  migrate(database, file)
  if (maxBytes !== undefined) limitSize(database, maxBytes)
}

function limitSize(database: DatabaseSync, maxBytes: number): void {
  const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size'])
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`)
}

/** Makes the names of new files durable. Windows has no such thing, and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
