import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignment, Assignments } from './assignments.ts'
import type { Cluster } from './cluster.ts'
import { lateness } from './lateness.ts'
import type { Pauses } from './pauses.ts'
import type { RunOutcomes } from './run-outcomes.ts'

export interface OverdueOptions {
  readonly clock: Clock
  readonly cluster: Pick<Cluster, 'candidates'>
  readonly assignments: Pick<Assignments, 'on'>
  readonly outcomes: Pick<RunOutcomes, 'withdraw' | 'expire'>
  readonly pauses: Pick<Pauses, 'begin'>
  /** Called after each look. */
  readonly onLooked: () => void
}

/** Looks now and then for what should have happened and has not: nodes may be faulty, or worse. */
export class Overdue {
  readonly #options: OverdueOptions
  #timer: Timer | undefined

  constructor(options: OverdueOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.clock.after(LIMITS.watch, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    this.start()
    const { clock, cluster, assignments, onLooked } = this.#options
    const now = clock.now()
    for (const { peer, connected } of cluster.candidates()) {
      if (!connected) continue
      for (const assignment of assignments.on(peer)) this.#check(assignment, now)
    }
    onLooked()
  }

  #check(assignment: Assignment, now: number): void {
    const { outcomes, pauses } = this.#options
    const late = lateness(assignment, now)
    if (late === 'unanswered') {
      pauses.begin(assignment.job.shape, assignment.run.node)
      outcomes.withdraw(assignment, 'the node has not answered the offer')
    } else if (late !== undefined) outcomes.expire(assignment, late)
  }
}
