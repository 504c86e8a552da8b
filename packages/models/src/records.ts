import { z } from 'zod'
import { jobStateSchema } from './job-state.ts'
import { constraintSchema, JOB_TYPES, jobSpecSchema, taskSchema } from './job-spec.ts'
import { resourcesSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/** Unix time in nanoseconds, as the API shows it. Doubles hold it to about 256 ns. */
const nanoseconds = z.number().int().nonnegative()

/** A job as it is stored and shown. */
export const jobSchema = z.strictObject({
  ...jobSpecSchema.shape,
  ID: z.string().min(1),
  Type: z.enum(JOB_TYPES),
  Count: z.number().int().nonnegative(),
  Constraints: z.array(constraintSchema),
  Tasks: z.array(taskSchema).min(1),
  State: jobStateSchema,
  Version: z.number().int().positive(),
  Revision: z.number().int().positive(),
  CreateTime: nanoseconds,
  ModifyTime: nanoseconds,
})
export type Job = z.infer<typeof jobSchema>

/** Head of the output and the way a run ended. `stderr` is lower case in the documented API. */
export const runOutputSchema = z.strictObject({
  Stdout: z.string(),
  StdoutTruncated: z.boolean(),
  stderr: z.string(),
  StderrTruncated: z.boolean(),
  ExitCode: z.number().int(),
  ErrorMsg: z.string(),
})
export type RunOutput = z.infer<typeof runOutputSchema>

const stateSchema = z.strictObject({
  StateType: z.number().int().min(0).max(11),
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
  JobVersion: z.number().int(),
  AllocatedResources: z.strictObject({ Tasks: z.record(z.string(), resourcesSchema) }),
  DesiredState: stateSchema,
  ComputeState: stateSchema,
  PublishedResult: specConfigSchema,
  RunOutput: runOutputSchema.nullable(),
  PreviousExecution: z.string(),
  NextExecution: z.string(),
  FollowupEvalID: z.string(),
  PartitionIndex: z.number().int().nonnegative(),
  Revision: z.number().int(),
  CreateTime: nanoseconds,
  ModifyTime: nanoseconds,
})
export type Execution = z.infer<typeof executionSchema>

/** One thing that happened to a job or to one of its executions. */
export const jobHistorySchema = z.strictObject({
  SeqNum: z.number().int().positive(),
  Type: z.enum(['JobLevel', 'ExecutionLevel']),
  JobID: z.string(),
  JobVersion: z.number().int(),
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
