import { rm } from 'node:fs/promises'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { executionFolder } from './execution-folder.ts'

export interface Retention extends Stoppable {
  /** The output of this execution, which has ended, stays readable for `LIMITS.outputRetention`. */
  keep(executionId: string, owner: string): void
  /** Who may read the output of an ended execution; undefined when it is gone. */
  owner(executionId: string): string | undefined
}

/** Removes the output of ended executions when its time is over or when there are more than `LIMITS.outputsKept`. */
export function createRetention(clock: Clock, folder: string): Retention {
  /** In the order in which they end. */
  const kept = new Map<string, { readonly owner: string; readonly until: number }>()
  const removing = new Set<Promise<void>>()
  let timer: Timer | undefined

  const drop = (executionId: string) => {
    kept.delete(executionId)
    // A folder that cannot be removed now is removed at the next start.
    const removal = rm(executionFolder(folder, executionId).root, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => removing.delete(removal))
    removing.add(removal)
  }

  const sweep = () => {
    timer = undefined
    for (const [executionId, { until }] of kept) {
      const left = until - clock.monotonic()
      if (left > 0 && kept.size <= LIMITS.outputsKept) {
        timer = clock.after(left, sweep)
        return
      }
      drop(executionId)
    }
  }

  return {
    keep(executionId, owner) {
      kept.set(executionId, { owner, until: clock.monotonic() + LIMITS.outputRetention })
      if (timer !== undefined && kept.size <= LIMITS.outputsKept) return
      timer?.cancel()
      sweep()
    },
    owner: (executionId) => kept.get(executionId)?.owner,
    async stop() {
      timer?.cancel()
      await Promise.all(removing)
    },
  }
}
