import { type Execution, EXECUTION_STATES, type ExecutionStateName } from '@bacalhau/models'

/** An execution of a job, in a state. */
export function executionOf(
  JobID: string,
  ID: string,
  state: ExecutionStateName,
  change: Partial<Execution> = {},
): Execution {
  return {
    ID,
    Namespace: 'default',
    EvalID: '',
    Name: '',
    NodeID: 'node',
    JobID,
    JobVersion: 1,
    AllocatedResources: { Tasks: {} },
    DesiredState: { StateType: 1 },
    ComputeState: { StateType: EXECUTION_STATES[state] },
    PublishedResult: { Type: '' },
    RunOutput: null,
    PreviousExecution: '',
    NextExecution: '',
    FollowupEvalID: '',
    PartitionIndex: 0,
    Revision: 1,
    CreateTime: 1,
    ModifyTime: 1,
    ...change,
  }
}
