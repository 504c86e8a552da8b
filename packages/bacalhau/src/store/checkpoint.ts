import type { DatabaseSync } from 'node:sqlite'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { CheckpointThread } from './checkpoint-thread.ts'

/** Copies what it can without waiting for anyone; says how many frames the log has, and how many of them are copied by now. */
export const CHECKPOINT = 'PRAGMA wal_checkpoint(PASSIVE)'

/** Frames (pages of 4 KiB in the log) that the main thread copies itself: 2 ms. */
const FEW = 256
/** Rounds of the helper thread after which the main thread does the rest, however much that is. */
const ROUNDS = 5

export interface CheckpointOptions {
  readonly database: DatabaseSync
  readonly thread: CheckpointThread
  /** Length of the log in bytes, and the one at which it is to begin anew. */
  readonly walSize: () => number
  readonly walLimit: number
  /** Syncs the database file without blocking anyone. When it rejects there are no more checkpoints. */
  readonly syncMain: () => Promise<void>
}

export interface Checkpointer extends Stoppable {
  /** To be called after each transaction; cheap. */
  consider(): void
}

/**
 * Moves what is in the log into the database, so that the log can begin anew and stays short.
 *
 * For 16 MB of log that takes 30 ms of copying (65 ms for 35 MB, measured) and the disk's time to sync, and the main thread has
 * neither. A thread of its own with a connection of its own copies while units go on being written (`PASSIVE` waits for nobody
 * and nobody waits for it), again and again until only what came in during the last round is left. The main thread, which writes
 * nothing meanwhile, copies that, and the log begins anew with the next transaction. SQLite syncs the database file at that end;
 * to find it clean by then, we sync it after each round.
 *
 * SQLite cuts the file of the log back to `walLimit` when it begins anew (`journal_size_limit`), so a file that is longer tells
 * that the log has grown beyond it since. Up to that length its blocks are used again, which makes syncs cheaper.
 */
export function createCheckpointer(options: CheckpointOptions): Checkpointer {
  const { database, thread, walSize, walLimit, syncMain } = options
  const checkpoint = database.prepare(CHECKPOINT)
  let due = walLimit
  let running: Promise<void> | undefined
  let stopped = false

  async function copy(): Promise<void> {
    let before = 0
    for (let round = 0; round < ROUNDS && !stopped; round++) {
      const copied = await thread.checkpoint()
      await syncMain()
      // Without the thread all is left to the main one: late, but the log does not grow for ever.
      if (copied === undefined || copied - before < FEW) return
      before = copied
    }
  }

  /** Copies the rest. Is the whole log copied, so that it begins anew? */
  function finish(): boolean {
    if (stopped) return false
    try {
      const done = checkpoint.get()
      return done?.['log'] === done?.['checkpointed']
    } catch {
      // No room, for example. The log has everything, and the next try is not far.
      return false
    }
  }

  async function run(): Promise<void> {
    try {
      await copy()
    } catch {
      // What the database file holds is uncertain; only the log is to be believed, at the next start.
      stopped = true
    }
    // While a reader in another process holds the log it cannot begin anew: not every transaction is to try again.
    due = finish() ? walLimit : walSize() + walLimit
    running = undefined
  }

  return {
    consider() {
      if (running !== undefined || stopped) return
      if (walSize() > due) running = run()
    },
    async stop() {
      stopped = true
      await running
      await thread.stop()
    },
  }
}
