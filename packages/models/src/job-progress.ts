import { z } from 'zod'

/** How far a task array is, counted in partitions. The three kinds make up the total. */
export const jobProgressSchema = z.strictObject({
  Total: z.int().nonnegative(),
  /** Of a `service`, whose partitions never complete, always 0. */
  Completed: z.int().nonnegative(),
  /** Placed on a node, whether it has begun or not. */
  Running: z.int().nonnegative(),
  Waiting: z.int().nonnegative(),
})
export type JobProgress = z.infer<typeof jobProgressSchema>
