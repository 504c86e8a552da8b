import { specConfigSchema, submittedJobSchema, taskSchema } from '@bacalhau/models'
import { z } from 'zod'

/** What the schemas of a submission leave to the rules that look at a job as a whole, as far as a reader should see it at once. */
export const engineSpec = specConfigSchema.extend({
  Type: z.string().min(1).max(64).describe('Kind, in any letter case.'),
})
export const taskSpec = taskSchema.extend({
  Engine: engineSpec.describe('What runs it: `wasm`, `docker` or `noop`, and its parameters.'),
})
export const jobSpec = submittedJobSchema.extend({
  Tasks: z
    .array(taskSpec)
    .min(1)
    .max(100)
    .describe('What to run. Exactly one task; a second one is set aside with a warning.'),
})
