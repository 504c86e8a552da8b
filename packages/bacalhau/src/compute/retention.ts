import { rm } from 'node:fs/promises'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { executionFolder, type ExecutionName } from './execution-folder.ts'

export interface Retention extends Stoppable {
  /** The output of this execution, which ended `age` milliseconds ago, stays readable for `LIMITS.outputRetention` from its end. */
  keep(name: ExecutionName, age?: number): void
  /** Who may read the output of an ended execution; undefined when it is gone. */
  owner(executionId: string): string | undefined
}

/** Removes the output of ended executions when its time is over or when there are more than `LIMITS.outputsKept`. */
export function createRetention(clock: Clock, folder: string): Retention {
  /** In the order in which they end. */
  const kept = new Map<string, { readonly orchestrator: string; readonly until: number }>()
  const removing = new Set<Promise<void>>()
  let timer: Timer | undefined

  const drop = (executionId: string, orchestrator: string) => {
    kept.delete(executionId)
    const { root } = executionFolder(folder, { orchestrator, executionId })
    // A folder that cannot be removed now is removed at a later start.
    const removal = rm(root, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => removing.delete(removal))
    removing.add(removal)
  }

  const sweep = () => {
    timer = undefined
    for (const [executionId, { orchestrator, until }] of kept) {
      const left = until - clock.monotonic()
      if (left > 0 && kept.size <= LIMITS.outputsKept) {
        timer = clock.after(left, sweep)
        return
      }
      drop(executionId, orchestrator)
    }
  }

  return {
    keep({ executionId, orchestrator }, age = 0) {
      // The wall clock, which tells the age, may have been set back.
      const left = LIMITS.outputRetention - Math.max(0, age)
      kept.set(executionId, { orchestrator, until: clock.monotonic() + left })
      if (timer !== undefined && kept.size <= LIMITS.outputsKept) return
      timer?.cancel()
      sweep()
    },
    owner: (executionId) => kept.get(executionId)?.orchestrator,
    async stop() {
      timer?.cancel()
      await Promise.all(removing)
    },
  }
}
