import { DatabaseSync } from 'node:sqlite'
import { BacalhauError } from '../runtime/error.ts'
import { storeError } from './sqlite-error.ts'

export interface StoreLock {
  release(): void
}

/**
 * Makes this process the only node on the store in `file`; throws `Conflict` when another one is. Readers, such as a back-up,
 * are not affected.
 *
 * Node has no file locks of its own, so an empty database beside the store is held in a transaction that never writes: SQLite
 * locks it by means of the operating system, which lets go when the process dies, however it dies. A file with a process id
 * would have to be told from a stale one, and ids repeat, above all in containers. The file stays when the lock is released:
 * to delete it would let two processes hold locks on two files of the same name.
 */
export function lockStore(file: string): StoreLock {
  const name = `${file}.lock`
  try {
    const database = new DatabaseSync(name)
    try {
      // Without a journal: a process that dies would leave one behind.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      return { release: () => database.close() }
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    if (!isBusy(error)) throw storeError(error, name)
    throw new BacalhauError('Conflict', `Another process uses the store ${file}.`, {
      hint: 'Stop the other node first, or give this one a folder (--data-dir) or a swarm port (--port) of its own.',
      cause: error,
    })
  }
}

/** SQLITE_BUSY. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
