import type { Constraint, InputSourceSpec, Job, SpecConfig, Task } from '@bacalhau/models'
import { hash } from 'node:crypto'
import {
  assignments,
  type GoRun,
  listParam,
  networkOf,
  onlyTask,
  param,
  publisherOf,
  requireContainer,
  sourceOf,
  textParam,
  variables,
  wasmParts,
} from './write-parts.ts'

/** The longest timeout that the Go program takes, in seconds. It stands for none. */
const NO_TIMEOUT = 9_223_372_036

/**
 * What a node of v1.0.4 to v1.3.1 is asked. It dereferences most of this without looking, so every object is there although
 * nothing is in it; keys come in the order in which the Go program writes them.
 */
export function writeAsk(run: GoRun): object {
  return {
    SourcePeerID: run.self,
    TargetPeerID: run.node,
    Execution: writeExecution(run),
    // The node bids first, also for jobs for which a Go requester would not wait: so a refusal is none of the job's failures.
    WaitForApproval: true,
  }
}

function writeExecution(run: GoRun) {
  const { executionId, job, node } = run
  return {
    ID: executionId,
    Namespace: job.Namespace,
    EvalID: evaluationId(executionId),
    Name: '',
    NodeID: node,
    JobID: job.ID,
    Job: writeJob(run),
    AllocatedResources: { Tasks: {} },
    DesiredState: { StateType: 0 },
    ComputeState: { StateType: 1 },
    PublishedResult: null,
    RunOutput: null,
    PreviousExecution: '',
    NextExecution: '',
    FollowupEvalID: '',
    Revision: 0,
    CreateTime: 0,
    ModifyTime: 0,
  }
}

function writeJob(run: GoRun) {
  const { job, self } = run
  return {
    ID: job.ID,
    Name: job.Name,
    Namespace: job.Namespace,
    Type: job.Type,
    Priority: job.Priority,
    Count: job.Count,
    Constraints: job.Constraints.map(writeConstraint),
    Meta: writeMeta(job, self),
    Labels: job.Labels,
    Tasks: [writeTask(run)],
    State: { StateType: 'Pending' },
    Version: 0,
    Revision: 1,
    CreateTime: job.CreateTime,
    ModifyTime: job.ModifyTime,
  }
}

/** Notes below `bacalhau.org/` are ours. */
function writeMeta({ Meta }: Job, self: string): Record<string, string> {
  const own = Object.entries(Meta).filter(([key]) => !key.startsWith('bacalhau.org/'))
  return { ...Object.fromEntries(own), 'bacalhau.org/requester.id': self }
}

const writeConstraint = ({ Key, Operator, Values = [] }: Constraint) => ({
  Key,
  Operator,
  ...(Values.length === 0 ? {} : { Values }),
})

function writeTask(run: GoRun) {
  const task = onlyTask(run.job)
  const { engine, inputs } = writeEngine(task, run)
  return {
    Name: task.Name,
    Engine: engine,
    Publisher: publisherOf(task),
    ...(inputs.length === 0 ? {} : { InputSources: inputs.map(writeInput) }),
    ResultPaths: task.ResultPaths,
    Resources: writeResources(run),
    Network: networkOf(task),
    Timeouts: { ExecutionTimeout: task.Timeouts.ExecutionTimeout || NO_TIMEOUT },
  }
}

/** What the run was given here, so that both sides count the same. */
function writeResources({ resources: { CPU, Memory, Disk, GPU } }: GoRun) {
  const written = { CPU, Memory, Disk, GPU }
  const stated = Object.entries(written).filter(([, amount]) => amount > 0)
  return Object.fromEntries(stated.map(([name, amount]) => [name, String(amount)]))
}

const writeInput = ({ Source, Alias, Target }: InputSourceSpec) => ({ Source: sourceOf(Source), Alias, Target })

function writeEngine(task: Task, run: GoRun): { engine: SpecConfig; inputs: readonly InputSourceSpec[] } {
  const { Type, Params } = task.Engine
  switch (Type.toLowerCase()) {
    case 'wasm': {
      const { entry, imports, inputs } = wasmParts(task)
      return { engine: { Type: 'wasm', Params: wasmParams(Params, entry, imports, run) }, inputs }
    }
    case 'docker':
      requireContainer(task)
      return { engine: { Type: 'docker', Params: dockerParams(Params, run) }, inputs: task.InputSources }
    default:
      return { engine: { Type: Type.toLowerCase(), Params: Params ?? {} }, inputs: task.InputSources }
  }
}

const writeModule = ({ Source }: InputSourceSpec) => ({ Source: sourceOf(Source), Alias: '', Target: '' })

function wasmParams(
  params: SpecConfig['Params'],
  entry: InputSourceSpec,
  imports: readonly InputSourceSpec[],
  run: GoRun,
) {
  return {
    EntryModule: writeModule(entry),
    EntryPoint: textParam(params, 'Entrypoint') || '_start',
    Parameters: listParam(params, 'Parameters'),
    EnvironmentVariables: variables(run),
    ImportModules: imports.map(writeModule),
  }
}

function dockerParams(params: SpecConfig['Params'], run: GoRun) {
  return {
    Entrypoint: param(params, 'Entrypoint') ?? null,
    // The engine's own variables go before those of the task here.
    EnvironmentVariables: [...assignments(variables(run)), ...listParam(params, 'EnvironmentVariables')],
    Image: textParam(params, 'Image'),
    Parameters: param(params, 'Parameters') ?? null,
    WorkingDirectory: textParam(params, 'WorkingDirectory'),
  }
}

/** We have no evaluations; it must look like one and be the same whenever the run is asked for. */
function evaluationId(executionId: string): string {
  const hex = hash('sha256', executionId, 'hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
