import { rm } from 'node:fs/promises'
import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import { executionFolder } from './execution-folder.ts'

export interface Retention {
  /** The output of this execution, which has ended, stays readable for `LIMITS.outputRetention`. */
  keep(executionId: string, owner: string): void
  /** Who may read the output of an ended execution; undefined when it is gone. */
  owner(executionId: string): string | undefined
  stop(): void
}

/** Removes the output of ended executions when its time is over or when there are more than `LIMITS.outputsKept`. */
export function createRetention(clock: Clock, folder: string): Retention {
  const kept = new Map<string, { owner: string; until: number }>()
  let timer: Timer | undefined

  const drop = (executionId: string) => {
    kept.delete(executionId)
    // A folder that cannot be removed now is removed at the next start.
    void rm(executionFolder(folder, executionId).root, { recursive: true, force: true }).catch(() => undefined)
  }

  const sweep = () => {
    timer = undefined
    const now = clock.monotonic()
    for (const [executionId, { until }] of kept) {
      if (until > now && kept.size <= LIMITS.outputsKept) {
        timer = clock.after(until - now, sweep)
        return
      }
      drop(executionId)
    }
  }

  return {
    keep(executionId, owner) {
      kept.set(executionId, { owner, until: clock.monotonic() + LIMITS.outputRetention })
      if (timer === undefined || kept.size > LIMITS.outputsKept) {
        timer?.cancel()
        sweep()
      }
    },
    owner: (executionId) => kept.get(executionId)?.owner,
    stop: () => timer?.cancel(),
  }
}
