import type { NodeEnvironment } from './policy/node-environment.ts'
import type { ExecutionOrder } from './runner.ts'

/** The environment of an execution: the task's own, with what it asks of the node, then what the network says, which wins. */
export function environmentOf(
  { executionId, job, partitionIndex }: ExecutionOrder,
  node: NodeEnvironment,
): Record<string, string> {
  return {
    ...node.resolve(job.Tasks[0]?.Env ?? {}),
    BACALHAU_EXECUTION_ID: executionId,
    BACALHAU_JOB_ID: job.ID,
    BACALHAU_JOB_TYPE: job.Type,
    BACALHAU_PARTITION_INDEX: String(partitionIndex),
    BACALHAU_PARTITION_COUNT: String(job.Count),
  }
}
