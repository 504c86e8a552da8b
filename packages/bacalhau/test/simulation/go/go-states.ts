import type { Job } from '@bacalhau/models'
import { at, TASK } from '../../../src/link/go/fixtures/needed-fields.ts'

/** States of an execution in the store of a Go compute node, by which its answers call them. */
export type GoState =
  | 'Created'
  | 'Running'
  | 'WaitingVerification'
  | 'Publishing'
  | 'Completed'
  | 'Failed'
  | 'Cancelled'

const TERMINAL: readonly GoState[] = ['Completed', 'Failed', 'Cancelled']
export const isOver = (state: GoState): boolean => TERMINAL.includes(state)

export const notFound = (id: string): string => `execution not found: ${id}`
export const wrongState = (id: string, state: GoState, expected: GoState): string =>
  `execution ${id} is in state ${state} but expected one of [${expected}]`
export const cannotCancel = (id: string, state: GoState): string => `cannot cancel execution ${id} in state ${state}`
/** Of a run that the engine does not know: after a restart, or after its time was over. */
export const lostRun = (id: string): string => `canceling execution (${id}): execution not found`
export const NO_ROOM = 'not enough capacity to enqueue job'
export const BUSY =
  'this node does not have capacity to run the job ({CPU: 1} requested but only {CPU: 0} is available)'

/** What an ask says that a Go node runs. */
export interface GoTask {
  readonly Engine: { readonly Type: string; readonly Params: Readonly<Record<string, unknown>> }
  readonly Publisher: { readonly Type: string }
  readonly Resources: { readonly CPU?: string }
  readonly Timeouts: { readonly ExecutionTimeout: number }
}

/** The task of a complete ask. */
export const taskIn = (ask: unknown): GoTask => at(ask, TASK) as GoTask

/** The same of a job, as a node of v1.0.3 understands it: its form is another, which other tests write and read. */
export function legacyTaskOf({ Tasks: [task] }: Job): GoTask {
  if (task === undefined) throw new Error('a job has a task')
  const { Engine, Publisher, Resources, Timeouts } = task
  return {
    Engine: { Type: Engine.Type, Params: Engine.Params ?? {} },
    Publisher,
    Resources: { CPU: Resources.CPU ?? '' },
    // The longest run that such a node takes.
    Timeouts: { ExecutionTimeout: Timeouts.ExecutionTimeout || 3_600 },
  }
}
