import { addResources, fits, NO_RESOURCES, type Resources } from '@bacalhau/models'
import type { Run } from '../../../src/orchestrator/run.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'

/**
 * Is a node promised more than it has, and what may wait there? Undefined when it is not, else what it was promised. A node may
 * have up to `LIMITS.queuedExecutions` executions beyond its capacity.
 */
export function overpromised(runs: Iterable<Run>, capacity: Resources): string | undefined {
  let used = NO_RESOURCES
  let beyond = 0
  for (const { resources } of runs) {
    const together = addResources(used, resources)
    if (fits(together, capacity)) used = together
    else beyond += 1
  }
  return beyond > LIMITS.queuedExecutions ? `${beyond} executions more than fit` : undefined
}
