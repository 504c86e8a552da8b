import {
  EXECUTION_STATES,
  type Execution,
  type GetJobResponse,
  type Job,
  type JobHistory,
  type ListNodesResponse,
  type NodeState,
  type Page,
  type SpecConfig,
  type Task,
} from '@bacalhau/models'
import { olderArchiveUrl } from '../../link/go/wire/archive-url.ts'
import { olderEngine } from './engine.ts'
import { filled, olderNode } from './node.ts'

/**
 * Answers of the API in the form of the releases 1.2 and 1.3: a listing bears the name of what it lists, some states have other
 * numbers, and some there are not. Their programs read any field that they do not know, and none that is missing.
 */

const olderJobState = (state: string): string => (state === 'Queued' ? 'Pending' : state)

/** Numbers of the states of an execution. What runs, or is published, was a bid that had been accepted. */
const STATES: Readonly<Record<number, number>> = {
  [EXECUTION_STATES.Running]: 5,
  [EXECUTION_STATES.Publishing]: 5,
  [EXECUTION_STATES.BidRejected]: 6,
  [EXECUTION_STATES.Completed]: 7,
  [EXECUTION_STATES.Failed]: 8,
  [EXECUTION_STATES.Cancelled]: 9,
}
const olderState = (state: number): number => STATES[state] ?? state

/** Networks had three kinds, and a fourth one is no valid document to them. */
export function olderNetwork({ Type, Domains = [] }: Task['Network']): object {
  const kind = Type === 'HTTP' || Type === 'None' ? Type : Type === 'Default' ? 'None' : 'Full'
  return { Type: kind, ...(Domains.length === 0 ? {} : { Domains }) }
}

const some = <T>(name: string, items: readonly T[] | Readonly<Record<string, T>>) =>
  Object.keys(items).length === 0 ? {} : { [name]: items }

/** A job of those releases spells its entry point otherwise than its older form does. */
function withEntryPoint({ Type, Params = {} }: SpecConfig): SpecConfig {
  const renamed = Object.entries(Params).map(([name, value]) => [name === 'Entrypoint' ? 'EntryPoint' : name, value])
  return { Type, Params: Object.fromEntries(renamed) as Record<string, unknown> }
}

function olderTask(task: Task): object {
  const { engine, inputs } = olderEngine(task)
  return {
    Name: task.Name,
    Engine: engine.Type === 'wasm' ? withEntryPoint(engine) : engine,
    Publisher: task.Publisher,
    ...(engine.Type === 'wasm' ? {} : some('Env', task.Env)),
    ...some('Meta', task.Meta),
    ...some('InputSources', inputs),
    ...some('ResultPaths', task.ResultPaths),
    Resources: filled(task.Resources),
    Network: olderNetwork(task.Network),
    Timeouts: task.Timeouts,
  }
}

function olderJob(job: Job): object {
  const { ID, Name, Namespace, Type, Priority, Count, Constraints, Meta, Labels, State } = job
  const { Message } = State
  return {
    ID,
    Name,
    Namespace,
    Type,
    Priority,
    Count,
    Constraints,
    Meta,
    Labels,
    Tasks: job.Tasks.map(olderTask),
    State: { StateType: olderJobState(State.StateType), ...(Message === undefined ? {} : { Message }) },
    Version: job.Version,
    Revision: job.Revision,
    CreateTime: job.CreateTime,
    ModifyTime: job.ModifyTime,
  }
}

const state = ({ StateType, Message }: Execution['ComputeState'], number: number = StateType): object => ({
  StateType: number,
  ...(Message === undefined ? {} : { Message }),
})

function olderExecution(execution: Execution): object {
  const { ID, Namespace, EvalID, Name, NodeID, JobID, AllocatedResources, DesiredState, ComputeState } = execution
  const { PublishedResult, RunOutput, PreviousExecution, NextExecution, FollowupEvalID } = execution
  return {
    ID,
    Namespace,
    EvalID,
    Name,
    NodeID,
    JobID,
    AllocatedResources,
    DesiredState: state(DesiredState),
    ComputeState: state(ComputeState, olderState(ComputeState.StateType)),
    PublishedResult,
    RunOutput,
    PreviousExecution,
    NextExecution,
    FollowupEvalID,
    Revision: execution.Revision,
    CreateTime: execution.CreateTime,
    ModifyTime: execution.ModifyTime,
  }
}

/** What the events so far told of one thing that they may be about. */
interface Told {
  readonly revision: number
  readonly state: string | number
  readonly node: string | undefined
}

/** The first thing that happened to an execution was that it was made; after that, it had been accepted. */
const NEW = EXECUTION_STATES.New
const ACCEPTED = EXECUTION_STATES.BidAccepted

/** Events spoke of changes of state. Ours tell those of jobs; of executions only that there was one. */
function olderEvents(events: readonly JobHistory[]): object[] {
  const told = new Map<string, Told>()
  return events.map(({ Type, JobID, ExecutionID, Event, Time }) => {
    const before = told.get(ExecutionID ?? '')
    const { NewState, NodeID } = Event.Details ?? {}
    const Previous = before?.state ?? (ExecutionID === undefined ? 'Pending' : NEW)
    const New =
      ExecutionID === undefined ? olderJobState(NewState ?? String(Previous)) : before === undefined ? NEW : ACCEPTED
    const now = { revision: (before?.revision ?? 0) + 1, state: New, node: NodeID ?? before?.node }
    told.set(ExecutionID ?? '', now)
    return {
      Type,
      JobID,
      ...(ExecutionID === undefined
        ? { JobState: { Previous, New } }
        : { ...(now.node === undefined ? {} : { NodeID: now.node }), ExecutionID, ExecutionState: { Previous, New } }),
      NewRevision: now.revision,
      ...(Event.Message === '' ? {} : { Comment: Event.Message }),
      Time,
    }
  })
}

export const olderJobs = ({ NextToken, Items }: Page<Job>): object => ({ NextToken, Jobs: Items.map(olderJob) })

export const olderExecutions = ({ NextToken, Items }: Page<Execution>): object => ({
  NextToken,
  Executions: Items.map(olderExecution),
})

/** Their programs ask once, and take a token for more pages that are there already. */
export const olderHistory = ({ Items }: Page<JobHistory>): object => ({ NextToken: '', History: olderEvents(Items) })

export const olderResults = ({ NextToken, Items }: Page<SpecConfig>): object => ({
  NextToken,
  Results: Items.map(olderResult),
})

function olderResult({ Type, Params }: SpecConfig): SpecConfig {
  const url = Params?.['URL']
  return typeof url === 'string'
    ? { Type, Params: { ...Params, URL: olderArchiveUrl(url) } }
    : { Type, ...(Params === undefined ? {} : { Params }) }
}

export const olderNodes = ({ NextToken, Nodes }: ListNodesResponse): object => ({
  NextToken,
  Nodes: Nodes.map((node) => olderNode(node)),
})

export const olderOneNode = ({ Node }: { readonly Node: NodeState }): object => ({ Node: olderNode(Node) })

export const olderDescription = ({ Job, History, Executions }: GetJobResponse): object => ({
  Job: olderJob(Job),
  ...(History === undefined ? {} : { History: olderHistory(History) }),
  ...(Executions === undefined ? {} : { Executions: olderExecutions(Executions) }),
})
