import type { DatabaseSync } from 'node:sqlite'
import { BacalhauError } from '../runtime/error.ts'
import { TABLES } from './store.ts'

/** Steps from an empty file to the present layout. A released step never changes; a new layout is a new step. */
const STEPS: readonly ((database: DatabaseSync) => void)[] = [
  (database) => {
    for (const table of TABLES) {
      database.exec(`CREATE TABLE "${table}" (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID`)
    }
  },
]

/** Brings the file to the present layout, all steps or none. A file of a newer program is refused, not damaged. */
export function migrate(database: DatabaseSync, file: string): void {
  const row = database.prepare('PRAGMA user_version').get()
  const version = Number(row?.['user_version'] ?? 0)
  if (version > STEPS.length) {
    throw new BacalhauError(
      'StoreCorrupt',
      `${file} was written by a newer version of bacalhau (layout ${version}, known up to ${STEPS.length})`,
      {
        hint: 'Start the newer version, or choose another folder with --data-dir.',
      },
    )
  }
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
