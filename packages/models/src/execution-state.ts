/**
 * States of an execution as the compute side reports them. The numbers are those of the documented API (1.5 and later).
 *
 *     New ─► AskForBid ─► BidAccepted ─► Running ─► Publishing ─► Completed
 *      └─► AskForBidRejected (the node refused)
 *     any state that is not final ─► Failed | Cancelled
 *
 * A placement is one offer that a node accepts or refuses; there is no separate approval, so the states AskForBidAccepted
 * and BidRejected of the original never occur.
 */
export const EXECUTION_STATES = {
  Undefined: 0,
  New: 1,
  AskForBid: 2,
  AskForBidAccepted: 3,
  AskForBidRejected: 4,
  BidAccepted: 5,
  Running: 6,
  Publishing: 7,
  BidRejected: 8,
  Completed: 9,
  Failed: 10,
  Cancelled: 11,
} as const
export type ExecutionStateName = keyof typeof EXECUTION_STATES
export type ExecutionState = (typeof EXECUTION_STATES)[ExecutionStateName]

const NAMES = new Map<number, ExecutionStateName>(
  (Object.keys(EXECUTION_STATES) as ExecutionStateName[]).map((name) => [EXECUTION_STATES[name], name]),
)

const FINAL: ReadonlySet<ExecutionState> = new Set<ExecutionState>([4, 8, 9, 10, 11])
/** Final states of an offer that never became a run. */
const REJECTIONS: ReadonlySet<ExecutionState> = new Set<ExecutionState>([4, 8])
/** Order of the states on the way to the end; a report may skip steps but never go back. */
const PROGRESS: readonly ExecutionState[] = [1, 2, 3, 5, 6, 7]

export const executionStateName = (state: ExecutionState): ExecutionStateName => NAMES.get(state) ?? 'Undefined'
export const isFinalExecutionState = (state: ExecutionState): boolean => FINAL.has(state)

export function canExecutionBecome(from: ExecutionState, to: ExecutionState): boolean {
  if (FINAL.has(from)) return false
  if (REJECTIONS.has(to)) return from < EXECUTION_STATES.BidAccepted
  if (FINAL.has(to)) return true
  return PROGRESS.indexOf(to) > PROGRESS.indexOf(from)
}

/** What the orchestrator wants of an execution. */
export const DESIRED_STATES = { Pending: 0, Running: 1, Stopped: 2 } as const
