import { finish, heal } from './finish.ts'
import { performAll } from './perform.ts'
import type { Plan } from './script.ts'
import { Stage } from './stage.ts'
import { Violation } from '../world/violation.ts'

/** How a world ended. */
export interface Outcome {
  readonly plan: Plan
  /** Of everything that happened: the same plan has the same. */
  readonly hash: string
  /** Virtual milliseconds, moves of jobs and executions, and runs that were begun. */
  readonly milliseconds: number
  readonly moves: number
  readonly runs: number
  readonly violation?: Violation
  /** The last lines of the trace. */
  readonly lines: readonly string[]
}

/** Lines of the trace that are shown. */
const SHOWN = 40

export interface RunOptions {
  /** Lines of the trace to show. */
  readonly shown?: number
  /** Makes a fault, to see whether it is found. */
  readonly plant?: (stage: Stage) => void
}

/** Carries a plan out, and says what became of it. */
export async function runPlan(plan: Plan, { shown = SHOWN, plant }: RunOptions = {}): Promise<Outcome> {
  const stage = await Stage.create(plan, { keepAll: shown > SHOWN })
  plant?.(stage)
  const violation = await violationOf(stage)
  const { world, watch } = stage
  world.note(violation === undefined ? 'the end' : violation.message)
  return {
    plan,
    hash: world.trace.hash,
    milliseconds: world.now,
    moves: watch.moves,
    runs: world.ledger.begun.length,
    lines: world.trace.last(shown),
    ...(violation === undefined ? {} : { violation }),
  }
}

async function violationOf(stage: Stage): Promise<Violation | undefined> {
  try {
    await performAll(stage)
    await heal(stage)
    await finish(stage)
    return stage.world.violation
  } catch (error) {
    // What went wrong first is what counts.
    if (stage.world.violation !== undefined) return stage.world.violation
    if (error instanceof Violation) return error
    return new Violation('the world goes on', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
}
