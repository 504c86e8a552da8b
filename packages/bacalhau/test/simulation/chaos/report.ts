import { performance } from 'node:perf_hooks'
import { generate } from './generate.ts'
import { type Outcome, type RunOptions, runPlan } from './run-plan.ts'
import { describePlan, type Plan } from './script.ts'
import { shrink } from './shrink.ts'

/** Real milliseconds that may be spent on shrinking one failure. */
const PATIENCE = 20_000

/** How a failing seed is run again. */
export function replayCommand({ seed, kind }: Plan): string {
  const command = `npm run simulate -- --seeds 1 --from ${seed}`
  return generate(seed).kind === kind ? command : `${command} --kind ${kind}`
}

/** A failure, with the fewest steps that still lead to it. */
export async function explainFailure(failed: Outcome, options: RunOptions = {}): Promise<string> {
  const end = performance.now() + PATIENCE
  const invariant = failed.violation?.invariant
  let best = failed
  const fails = async (plan: Plan) => {
    const outcome = await runPlan(plan, options)
    if (outcome.violation?.invariant !== invariant) return false
    best = outcome
    return true
  }
  const mayGoOn = () => performance.now() < end
  const { plan } = failed
  await shrink(plan.steps, (steps) => fails({ ...plan, steps }), mayGoOn)
  const { violation, lines } = best
  return [
    `seed ${plan.seed} breaks a promise: ${failed.violation?.message}`,
    `replay: ${replayCommand(plan)}`,
    `${best.plan.steps.length} of ${plan.steps.length} steps are enough:`,
    ...describePlan(best.plan).map((line) => `  ${line}`),
    `which ends with: ${violation?.message}`,
    ...lines.map((line) => `  ${line}`),
  ].join('\n')
}
