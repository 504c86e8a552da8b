import type { DatabaseSync } from 'node:sqlite'
import { BacalhauError } from '../runtime/error.ts'

/** Steps from an empty file to the present layout. A released step never changes; a new layout is a new step. */
const STEPS: readonly ((database: DatabaseSync) => void)[] = [
  (database) =>
    createTables(database, [
      'meta',
      'job',
      'job-open',
      'job-by-time',
      'job-by-name',
      'execution',
      'history',
      'held',
      'pin',
    ]),
  (database) => createTables(database, ['job-version', 'node', 'order', 'link-in', 'link-out', 'kept']),
  (database) => createTables(database, ['token', 'client-key']),
  (database) => createTables(database, ['receipt']),
  (database) => createTables(database, ['go-asked']),
  (database) => createTables(database, ['go-taken']),
  (database) => createTables(database, ['peer']),
  (database) => createTables(database, ['go-node']),
]

function createTables(database: DatabaseSync, tables: readonly string[]): void {
  for (const table of tables) {
    database.exec(`CREATE TABLE "${table}" (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID`)
  }
}

/** The layout of `file`: 0 for an empty one. Throws `StoreCorrupt` for one that this program is too old for. */
export function layoutOf(database: DatabaseSync, file: string): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version <= STEPS.length) return version
  throw new BacalhauError(
    'StoreCorrupt',
    `${file} was written by a newer version of bacalhau (layout ${version}, known up to ${STEPS.length})`,
    { hint: 'Start the newer version, or choose another folder with --data-dir.' },
  )
}

/** Brings the file to the present layout, all steps or none. A file of a newer program is refused, not damaged. */
export function migrate(database: DatabaseSync, file: string): void {
  const version = layoutOf(database, file)
  if (version === STEPS.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const step of STEPS.slice(version)) step(database)
    database.exec(`PRAGMA user_version = ${STEPS.length}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
