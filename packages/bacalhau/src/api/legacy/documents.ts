import {
  type Execution,
  EXECUTION_STATES,
  type ExecutionStateName,
  type InputSourceSpec,
  type Job,
  type JobHistory,
  type JobState,
  type SpecConfig,
} from '@bacalhau/models'

/** Jobs, their states and events as documents of release 1.2 (API version `V1beta2`). */

const JOB_STATES: Readonly<Record<JobState, string>> = {
  Undefined: 'New',
  Pending: 'New',
  Queued: 'Queued',
  Running: 'InProgress',
  Completed: 'Completed',
  Failed: 'Error',
  Stopped: 'Cancelled',
}
const jobState = (state: string | undefined) => JOB_STATES[(state ?? 'Pending') as JobState] ?? 'New'

/** What runs, or is published, was a bid that had been accepted. */
const EXECUTION_NAMES: Partial<Record<ExecutionStateName, string>> = {
  Undefined: 'New',
  Running: 'BidAccepted',
  Publishing: 'BidAccepted',
}
const executionState = (state: number) => {
  const found = Object.entries(EXECUTION_STATES).find(([, number]) => number === state)?.[0] as ExecutionStateName
  return EXECUTION_NAMES[found] ?? found
}

/** Our times are nanoseconds, of which doubles keep the microseconds. */
const time = (nanoseconds: number) => new Date(nanoseconds / 1e6).toISOString()

export function legacyJob(job: Job, requester: string): object {
  return {
    APIVersion: 'V1beta2',
    Metadata: {
      ID: job.ID,
      CreatedAt: time(job.CreateTime),
      ClientID: job.Namespace,
      Requester: { RequesterNodeID: requester },
    },
    Spec: legacySpec(job),
  }
}

function legacySpec({ Type, Count, Tasks, Labels, Constraints }: Job): object {
  const [task] = Tasks
  if (task === undefined) return {}
  const { Type: network, Domains = [] } = task.Network
  return {
    EngineSpec: task.Engine,
    PublisherSpec: task.Publisher,
    Docker: {},
    Wasm: { EntryModule: {} },
    Resources: { GPU: '', ...task.Resources },
    Network: {
      Type: network === 'HTTP' || network === 'None' ? network : network === 'Default' ? 'None' : 'Full',
      ...(Domains.length === 0 ? {} : { Domains }),
    },
    Timeout: task.Timeouts.ExecutionTimeout ?? 0,
    Inputs: task.InputSources.map(legacyInput),
    Outputs: task.ResultPaths.map(({ Name, Path }) => ({ StorageSource: 'ipfs', Name, Path })),
    Annotations: Object.entries(Labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`)),
    NodeSelectors: Constraints,
    Deal: Type === 'ops' || Type === 'daemon' ? { TargetingMode: true, Concurrency: 0 } : { Concurrency: Count },
  }
}

const SOURCES: Readonly<Record<string, string>> = {
  ipfs: 'ipfs',
  urldownload: 'urlDownload',
  inline: 'inline',
  s3: 's3',
  local: 'localDirectory',
  localdirectory: 'localDirectory',
}

function legacyStorage({ Type, Params = {} }: SpecConfig): object {
  const StorageSource = SOURCES[Type.toLowerCase()] ?? 'ipfs'
  return StorageSource === 's3' ? { StorageSource, S3: Params } : { StorageSource, ...Params }
}

const legacyInput = ({ Source, Alias, Target }: InputSourceSpec): object => ({
  ...legacyStorage(Source),
  ...(Alias === '' ? {} : { Name: Alias }),
  Path: Target,
})

export function legacyState(job: Job, executions: readonly Execution[]): object {
  return {
    JobID: job.ID,
    Executions: executions.map(legacyExecution),
    State: jobState(job.State.StateType),
    Version: job.Revision,
    CreateTime: time(job.CreateTime),
    UpdateTime: time(job.ModifyTime),
    ...(job.State.Message === undefined ? {} : { Status: job.State.Message }),
  }
}

function legacyExecution(execution: Execution): object {
  const { RunOutput: output, ComputeState, PublishedResult } = execution
  return {
    JobID: execution.JobID,
    NodeId: execution.NodeID,
    ComputeReference: execution.ID,
    State: executionState(ComputeState.StateType),
    Status: ComputeState.Message ?? '',
    DesiredState: execution.DesiredState.StateType,
    PublishedResults: PublishedResult.Type === '' ? {} : legacyStorage(PublishedResult),
    ...(output === null
      ? {}
      : {
          RunOutput: {
            stdout: output.Stdout,
            stdouttruncated: output.StdoutTruncated,
            stderr: output.stderr,
            stderrtruncated: output.StderrTruncated,
            exitCode: output.ExitCode,
            runnerError: output.ErrorMsg,
          },
        }),
    Version: execution.Revision,
    CreateTime: time(execution.CreateTime),
    UpdateTime: time(execution.ModifyTime),
  }
}

/** Where each completed execution left its result. */
export const legacyResults = (executions: readonly Execution[]): object[] =>
  executions
    .filter(({ PublishedResult }) => PublishedResult.Type !== '')
    .map(({ ID, NodeID, PublishedResult }) => ({
      NodeID,
      Data: { ...legacyStorage(PublishedResult), Name: ID },
    }))

/** Events of the job itself. Those of executions spoke of a change of state, which ours do not keep. */
export function legacyEvents(events: readonly JobHistory[]): object[] {
  let Previous = 'New'
  let NewVersion = 0
  return events.flatMap(({ Type, JobID, Event, Time }) => {
    if (Type !== 'JobLevel') return []
    const state = Event.Details?.['NewState']
    const New = state === undefined ? Previous : jobState(state)
    const event = {
      Type,
      JobID,
      JobState: { Previous, New },
      NewVersion: (NewVersion += 1),
      Comment: Event.Message,
      Time,
    }
    Previous = New
    return [event]
  })
}
