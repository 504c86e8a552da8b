import { generate } from './generate.ts'
import { explainFailure } from './report.ts'
import type { Kind } from './script.ts'
import { type Outcome, runPlan } from './run-plan.ts'

/** The world of a seed, to its end. */
export const simulate = (
  seed: number,
  { kind, ...options }: { readonly shown?: number; readonly kind?: Kind } = {},
): Promise<Outcome> => runPlan(generate(seed, kind), options)

/** Runs worlds one after the other; throws with everything that there is to know about the first one that fails. */
export async function simulateAll(from: number, count: number): Promise<void> {
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate(seed)
    if (outcome.violation !== undefined) throw new Error(await explainFailure(outcome))
  }
}
