import { z } from 'zod'
import { JOB_TYPES } from './job-spec.ts'
import { type JobProgress, jobProgressSchema } from './job-progress.ts'
import { jobStateSchema } from './job-state.ts'
import { type Job, jobSchema } from './records.ts'

/** Data of an event `job` of the event stream: a job as it is now, without its spec. */
export const jobEventSchema = z.strictObject({
  JobID: z.string(),
  Name: z.string(),
  Namespace: z.string(),
  Type: z.enum(JOB_TYPES),
  Version: z.int().positive(),
  Revision: z.int().positive(),
  State: jobStateSchema,
  /** Only of a task array, which is a `batch` or `service` job with a Count above 1. */
  Progress: jobProgressSchema.optional(),
  ModifyTime: jobSchema.shape.ModifyTime,
})
export type JobEvent = z.infer<typeof jobEventSchema>

export function jobEventOf(job: Job, progress?: JobProgress): JobEvent {
  const { ID, Name, Namespace, Type, Version, Revision, State, ModifyTime } = job
  const shown = progress === undefined ? {} : { Progress: progress }
  return { JobID: ID, Name, Namespace, Type, Version, Revision, State, ...shown, ModifyTime }
}
