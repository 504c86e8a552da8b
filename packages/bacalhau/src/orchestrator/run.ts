import {
  DESIRED_STATES,
  type Execution,
  executionSchema,
  type ExecutionState,
  isFinalExecutionState,
  type Job,
  type Resources,
  resourcesSchema,
  type RunOutput,
  runOutputSchema,
  type SpecConfig,
  specConfigSchema,
} from '@bacalhau/models'
import { z } from 'zod'

/**
 * One execution, as the orchestrator keeps it: what the documented record (`Execution`) says and the job's own record does not.
 * A job may have a hundred thousand of them, so names are short and what is not there is left out.
 */
export const runSchema = z.strictObject({
  id: z.string().min(1),
  version: z.int().positive(),
  node: z.string(),
  partition: z.int().nonnegative(),
  resources: resourcesSchema,
  state: z.int().min(0).max(11),
  message: z.string().optional(),
  details: z.record(z.string(), z.string()).optional(),
  output: runOutputSchema.optional(),
  result: specConfigSchema.optional(),
  /** The execution of the same partition whose end made this one necessary. */
  previous: z.string().optional(),
  revision: z.int().positive(),
  /** Milliseconds since the epoch. */
  created: z.number(),
  modified: z.number(),
})

/** A run that has not been written yet may still be changed in place; nobody but the ledger does so. */
export interface Run {
  readonly id: string
  readonly version: number
  readonly node: string
  readonly partition: number
  readonly resources: Resources
  state: ExecutionState
  message?: string | undefined
  details?: Record<string, string> | undefined
  output?: RunOutput | undefined
  result?: SpecConfig | undefined
  readonly previous?: string | undefined
  revision: number
  readonly created: number
  modified: number
}

/** What is stored is a run; stores of the first layout hold the whole execution. */
export const storedRunSchema = z.union([runSchema, executionSchema])

export function fromStored(stored: z.output<typeof storedRunSchema>): Run {
  if ('id' in stored) return { ...stored, state: stored.state as ExecutionState }
  const [resources] = Object.values(stored.AllocatedResources.Tasks)
  const { StateType, Message, Details } = stored.ComputeState
  return {
    id: stored.ID,
    version: stored.JobVersion,
    node: stored.NodeID,
    partition: stored.PartitionIndex,
    resources: resources ?? { CPU: 0, Memory: 0, Disk: 0, GPU: 0 },
    state: StateType as ExecutionState,
    message: Message,
    details: Details,
    output: stored.RunOutput ?? undefined,
    result: stored.PublishedResult.Type === '' ? undefined : stored.PublishedResult,
    revision: stored.Revision,
    created: stored.CreateTime / 1e6,
    modified: stored.ModifyTime / 1e6,
  }
}

export const isOver = (run: Run): boolean => isFinalExecutionState(run.state)

/** The documented record. */
export function toExecution(run: Run, job: Job): Execution {
  const stated = {
    ...(run.message === undefined ? {} : { Message: run.message }),
    ...(run.details === undefined ? {} : { Details: run.details }),
  }
  const desired = isOver(run) ? DESIRED_STATES.Stopped : DESIRED_STATES.Running
  return {
    ID: run.id,
    Namespace: job.Namespace,
    EvalID: '',
    Name: `${job.Name}.${run.id}`,
    NodeID: run.node,
    JobID: job.ID,
    JobVersion: run.version,
    AllocatedResources: { Tasks: { [job.Tasks[0]?.Name ?? 'main']: run.resources } },
    DesiredState: {
      StateType: desired,
      ...(isOver(run) && run.message !== undefined ? { Message: run.message } : {}),
    },
    ComputeState: { StateType: run.state, ...stated },
    PublishedResult: run.result ?? { Type: '' },
    RunOutput: run.output ?? null,
    PreviousExecution: run.previous ?? '',
    NextExecution: '',
    FollowupEvalID: '',
    PartitionIndex: run.partition,
    Revision: run.revision,
    CreateTime: run.created * 1e6,
    ModifyTime: run.modified * 1e6,
  }
}
