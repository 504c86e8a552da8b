import type { DataVault } from './inline-data.ts'

/** Keeps apart what is in the vault for a job, what is going to be, and what is left over. */
export interface VaultSweep {
  /** While `work` is under way nothing is let go of: it may be putting what is there already. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** A job that is not written yet is going to need this. */
  note(cid: string): void
  /**
   * Lets go of what nobody needed at this sweep, nor at the one before, nor has asked for since; says how many more may go at the
   * next one. `needed` are the needs of all jobs that are written. A submission is written, or refused, well within the time between two sweeps.
   */
  sweep(needed: AsyncIterable<string>): Promise<number>
}

/** `onDrop` forgets what is known of the vault, because some of it may be gone. */
export function createVaultSweep(vault: Pick<DataVault, 'list' | 'drop'>, onDrop: () => void): VaultSweep {
  let busy = 0
  let noted = new Set<string>()
  let idle: ReadonlySet<string> = new Set()
  return {
    async during(work) {
      busy += 1
      try {
        return await work()
      } finally {
        busy -= 1
      }
    },
    note: (cid) => void noted.add(cid),
    async sweep(needed) {
      const before = noted
      noted = new Set()
      const unused = new Set(vault.list())
      if (unused.size > 0) for await (const cid of needed) unused.delete(cid)
      for (const cid of [...before, ...noted]) unused.delete(cid)
      const gone = busy > 0 ? [] : [...unused].filter((cid) => idle.has(cid))
      if (gone.length > 0) onDrop()
      for (const cid of gone) {
        vault.drop(cid)
        unused.delete(cid)
      }
      idle = unused
      return unused.size
    },
  }
}
