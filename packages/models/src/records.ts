import { z } from 'zod'
import { jobProgressSchema } from './job-progress.ts'
import { jobStateSchema } from './job-state.ts'
import { constraintSchema, JOB_TYPES, jobSpecSchema, taskSchema } from './job-spec.ts'
import { resourcesSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/** Unix time in nanoseconds, as the API shows it. Beyond the safe integers: doubles hold it to about 256 ns. */
const nanoseconds = z.number().nonnegative().refine(Number.isInteger, 'expected a whole number')

/** A job as it is stored and shown. */
export const jobSchema = z.strictObject({
  ...jobSpecSchema.shape,
  ID: z.string().min(1),
  Type: z.enum(JOB_TYPES),
  Count: z.int().nonnegative(),
  /** Notes of the user, and below `bacalhau.org/` those of the server. */
  Meta: z.record(z.string(), z.string()).default({}),
  Constraints: z.array(constraintSchema),
  Tasks: z.array(taskSchema).min(1),
  State: jobStateSchema,
  /** Only shown, never stored: of a task array that is open, or completed. */
  Progress: jobProgressSchema.optional(),
  Version: z.int().positive(),
  Revision: z.int().positive(),
  CreateTime: nanoseconds,
  ModifyTime: nanoseconds,
})
export type Job = z.infer<typeof jobSchema>

/** Characters of a head of output: 2 KiB of bytes never make more. */
const head = z.string().max(2_048)

/** Head of the output and the way a run ended. `stderr` is lower case in the documented API. */
export const runOutputSchema = z.strictObject({
  Stdout: head,
  StdoutTruncated: z.boolean(),
  stderr: head,
  StderrTruncated: z.boolean(),
  ExitCode: z.int(),
  ErrorMsg: z.string().max(16_384),
})
export type RunOutput = z.infer<typeof runOutputSchema>

const stateSchema = z.strictObject({
  StateType: z.int().min(0).max(11),
  Message: z.string().optional(),
  Details: z.record(z.string(), z.string()).optional(),
})

/** One run of one partition of a job on one node. */
export const executionSchema = z.strictObject({
  ID: z.string().min(1),
  Namespace: z.string(),
  EvalID: z.string(),
  Name: z.string(),
  NodeID: z.string(),
  JobID: z.string(),
  JobVersion: z.int(),
  AllocatedResources: z.strictObject({ Tasks: z.record(z.string(), resourcesSchema) }),
  DesiredState: stateSchema,
  ComputeState: stateSchema,
  PublishedResult: specConfigSchema,
  RunOutput: runOutputSchema.nullable(),
  PreviousExecution: z.string(),
  NextExecution: z.string(),
  FollowupEvalID: z.string(),
  PartitionIndex: z.int().nonnegative(),
  Revision: z.int(),
  CreateTime: nanoseconds,
  ModifyTime: nanoseconds,
})
export type Execution = z.infer<typeof executionSchema>

/** One thing that happened to a job or to one of its executions. */
export const jobHistorySchema = z.strictObject({
  SeqNum: z.int().positive(),
  Type: z.enum(['JobLevel', 'ExecutionLevel']),
  JobID: z.string(),
  JobVersion: z.int(),
  ExecutionID: z.string().optional(),
  Event: z.strictObject({
    Message: z.string(),
    Topic: z.string(),
    Timestamp: z.string(),
    Details: z.record(z.string(), z.string()).optional(),
  }),
  Time: z.string(),
})
export type JobHistory = z.infer<typeof jobHistorySchema>
