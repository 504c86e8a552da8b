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
import { olderNetwork } from './answers.ts'
import { olderEngine } from './engine.ts'

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

/** Publishers of that time: a job with another one would spoil the whole answer for its reader. */
const PUBLISHERS: ReadonlySet<string> = new Set(['noop', 'ipfs', 's3', 'local'])

/** Which answer a job is part of: that to its submission repeated more of what had been sent. */
export type Occasion = 'submitted' | 'listed'

export function legacyJob(job: Job, requester: string, occasion: Occasion): object {
  return {
    APIVersion: 'V1beta2',
    Metadata: {
      ID: job.ID,
      CreatedAt: time(job.CreateTime),
      ClientID: job.Namespace,
      Requester: { RequesterNodeID: requester },
    },
    Spec: legacySpec(job, occasion),
  }
}

const some = (name: string, items: readonly unknown[]) => (items.length === 0 ? {} : { [name]: items })

function legacySpec({ Type, Count, Tasks, Labels, Constraints }: Job, occasion: Occasion): object {
  const [task] = Tasks
  if (task === undefined) return {}
  const { Publisher } = task
  const publisher = PUBLISHERS.has(Publisher.Type) ? Publisher.Type : 'noop'
  const isNew = occasion === 'submitted'
  const { engine, inputs } = isNew ? olderEngine(task, legacyModule) : olderEngine(task)
  return {
    ...(isNew ? { Engine: engine.Type } : {}),
    EngineSpec: engine,
    ...(isNew ? { Publisher: publisher } : {}),
    PublisherSpec: { ...Publisher, Type: publisher },
    Docker: isNew && engine.Type === 'docker' ? engine.Params : {},
    Wasm: isNew && engine.Type === 'wasm' ? legacyWasm(engine.Params) : { EntryModule: {} },
    Resources: { GPU: '', ...task.Resources },
    Network: olderNetwork(task.Network),
    Timeout: task.Timeouts.ExecutionTimeout ?? 0,
    ...some('Inputs', inputs.map(legacyInput)),
    ...some(
      'Outputs',
      task.ResultPaths.map(({ Name, Path }) => (isNew ? { StorageSource: 'ipfs', Name, Path } : { Name, Path })),
    ),
    ...some(
      'Annotations',
      Object.entries(Labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`)),
    ),
    ...some('NodeSelectors', Constraints),
    Deal: Type === 'ops' || Type === 'daemon' ? { TargetingMode: true, Concurrency: 0 } : { Concurrency: Count },
  }
}

/** The parameters of WebAssembly, without those that say nothing, in the spelling of their own field. */
function legacyWasm(params: SpecConfig['Params'] = {}): object {
  const { Entrypoint, ...rest } = params
  const said = Object.entries({ ...rest, EntryPoint: Entrypoint ?? rest['EntryPoint'] })
  return Object.fromEntries(
    said.filter(([, value]) => typeof value === 'string' || Object.keys(value ?? {}).length > 0),
  )
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
  if (StorageSource !== 's3') return { StorageSource, ...Params }
  const { ChecksumSHA256, ...rest } = Params
  return { StorageSource, S3: { ...rest, ...(ChecksumSHA256 === undefined ? {} : { Checksum: ChecksumSHA256 }) } }
}

const legacyModule = ({ Source, Alias }: InputSourceSpec): object => ({
  ...legacyStorage(Source),
  ...(Alias === '' ? {} : { Name: Alias }),
})

const legacyInput = ({ Source, Alias, Target }: InputSourceSpec): object => ({
  ...legacyStorage(Source),
  ...(Alias === '' ? {} : { Name: Alias }),
  Path: Target,
})

/** Never, as programs of that time read it. */
const NEVER = '0001-01-01T00:00:00Z'

export function legacyState(job: Job, executions: readonly Execution[]): object {
  const { StateType, Message } = job.State
  const timeout = job.Tasks[0]?.Timeouts.ExecutionTimeout ?? 0
  return {
    JobID: job.ID,
    Executions: executions.map(legacyExecution),
    State: jobState(StateType),
    Version: job.Revision,
    CreateTime: time(job.CreateTime),
    UpdateTime: time(job.ModifyTime),
    TimeoutAt: timeout === 0 ? NEVER : time(job.CreateTime + timeout * 1e9),
    ...(Message === undefined ? {} : { Status: Message }),
  }
}

function legacyExecution(execution: Execution): object {
  const { RunOutput: output, ComputeState, DesiredState, PublishedResult } = execution
  return {
    JobID: execution.JobID,
    NodeId: execution.NodeID,
    ComputeReference: execution.ID,
    State: executionState(ComputeState.StateType),
    Status: `${ComputeState.Message ?? ''}. ${DesiredState.Message ?? ''}`,
    DesiredState: DesiredState.StateType,
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
export function legacyEvents(events: readonly JobHistory[]): (object & { readonly Time: string })[] {
  let Previous = 'New'
  let NewVersion = 0
  return events.map(({ Type, JobID, Event, Time }) => {
    const state = Event.Details?.['NewState']
    const New = state === undefined ? Previous : jobState(state)
    const event = {
      Type,
      JobID,
      JobState: { Previous, New },
      NewVersion: (NewVersion += 1),
      ...(Event.Message === '' ? {} : { Comment: Event.Message }),
      Time,
    }
    Previous = New
    return event
  })
}
