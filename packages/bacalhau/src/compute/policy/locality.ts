import type { InputSourceSpec } from '@bacalhau/models'
import { type Capabilities, sourceFor } from '../capabilities.ts'
import type { Opinion } from './policy.ts'

/** Looks whether all inputs are on this node. One whose place cannot be found out in time is not. */
export const missingInputs =
  (inputs: readonly InputSourceSpec[], capabilities: Capabilities) =>
  async (signal: AbortSignal): Promise<Opinion> => {
    const here = await Promise.all(
      inputs.map(async ({ Source }) => {
        const size = await sourceFor(capabilities, Source)
          .measure(Source, signal)
          .catch(() => undefined)
        return size?.local === true
      }),
    )
    signal.throwIfAborted()
    const missing = here.filter((local) => !local).length
    if (missing === 0) return undefined
    // What is missing today may be here tomorrow.
    return { reason: `have all input data locally (${missing} inputs require downloading)`, later: true }
  }
