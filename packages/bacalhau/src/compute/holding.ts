import { type FinalReport, type Job, jobSchema, type Resources, resourcesSchema } from '@bacalhau/models'
import { z } from 'zod'
import type { ExecutionOrder } from './runner.ts'

/** What all executions of one version of a job have in common. */
export interface Order {
  /** `<orchestrator>/<job id>/<version>` */
  readonly key: string
  readonly job: Job
  readonly resources: Resources
  /** Why such a job is not taken, as far as it has been asked: null when it is. */
  refusal: string | null | undefined
  /** Executions of it in memory, and in the store; is it in the store itself? */
  users: number
  rows: number
  stored: boolean
}

/** An execution that this node has taken: it waits, or runs. */
export interface Holding extends ExecutionOrder {
  readonly order: Order
  /** Taken, running or publishing, as in `EXECUTION_STATES`. */
  state: 5 | 6 | 7
  /** What there is to say about the state. */
  note: string | undefined
  /** The last state that was told; 0 for none. */
  told: 0 | 5 | 6 | 7
  /** How often it was begun. Those that a graceful stop interrupted do not count. */
  starts: number
  /** The number of starts that the store has; undefined without a row. */
  storedStarts: number | undefined
  /** Ends the run; undefined while there is none. */
  abort: AbortController | undefined
  report: FinalReport | undefined
}

/** A row of the table `held`, by execution id. */
export const heldRowSchema = z.strictObject({
  orchestrator: z.string(),
  order: z.string(),
  partition: z.int().nonnegative(),
  starts: z.int().nonnegative(),
})
export type HeldRow = z.infer<typeof heldRowSchema>

/** A row of the table `order`, by the key of the order: once for all executions that this node holds of it. */
export const orderRowSchema = z.strictObject({ job: jobSchema, resources: resourcesSchema })

export function newOrder(orchestrator: string, job: Job, resources: Resources): Order {
  const key = orderKey(orchestrator, job)
  return { key, job, resources, refusal: undefined, users: 0, rows: 0, stored: false }
}

export const orderKey = (orchestrator: string, { ID, Version }: Job): string => `${orchestrator}/${ID}/${Version}`

export function newHolding(executionId: string, orchestrator: string, order: Order, partitionIndex: number): Holding {
  return {
    executionId,
    orchestrator,
    order,
    job: order.job,
    resources: order.resources,
    partitionIndex,
    state: 5,
    note: undefined,
    told: 0,
    starts: 0,
    storedStarts: undefined,
    abort: undefined,
    report: undefined,
  }
}
