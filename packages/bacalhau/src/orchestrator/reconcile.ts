import { EXECUTION_STATES, type HeldExecution, type OrderMessage } from '@bacalhau/models'
import type { Assignment, Assignments } from './assignments.ts'
import type { RunOutcomes } from './run-outcomes.ts'

export interface ReconcileOptions {
  readonly assignments: Assignments
  readonly outcomes: Pick<RunOutcomes, 'report' | 'withdraw' | 'lose'>
  readonly post: (nodeId: string, message: OrderMessage) => void
}

/** Brings what we have given to a node and what it holds, with its states, to the same: neither remembers what was said. */
export function reconcile(peer: string, known: readonly HeldExecution[], options: ReconcileOptions): void {
  const { assignments, outcomes, post } = options
  const held = new Map(known.map(({ executionId, state }) => [executionId, state]))
  for (const assignment of assignments.on(peer)) {
    const executionId = assignment.run.id
    const state = held.get(executionId)
    held.delete(executionId)
    if (state === undefined) missing(assignment, outcomes)
    else if (state >= EXECUTION_STATES.BidAccepted) found(assignment, state, outcomes)
  }
  // What is left is unknown here or has ended here.
  for (const [executionId, state] of held) {
    if (state >= EXECUTION_STATES.Completed) continue
    post(peer, { type: 'cancel', executionId, reason: 'the orchestrator does not know the execution' })
  }
}

/** The node has the run, and may have told of its progress when we did not hear it. Of its end it tells again. */
function found(assignment: Assignment, state: number, outcomes: ReconcileOptions['outcomes']): void {
  const { id: executionId } = assignment.run
  outcomes.report(assignment, { type: 'accepted', executionId })
  if (state === EXECUTION_STATES.Running || state === EXECUTION_STATES.Publishing) {
    outcomes.report(assignment, { type: 'progress', executionId, state })
  }
}

/** The node does not know the run. If it had never said that it does, the offer has not reached it. */
function missing(assignment: Assignment, outcomes: ReconcileOptions['outcomes']): void {
  const reason = 'the node does not know the execution (any more)'
  if (assignment.run.state < EXECUTION_STATES.BidAccepted) outcomes.withdraw(assignment, reason)
  else outcomes.lose(assignment, reason, { told: true })
}
