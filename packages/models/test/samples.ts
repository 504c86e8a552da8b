import assert from 'node:assert/strict'
import type { Execution, Job } from '../src/records.ts'
import type { NodeInfo } from '../src/node-info.ts'
import { NO_RESOURCES } from '../src/resources.ts'
import type { Parsed } from '../src/problem.ts'
import type { Submission } from '../src/submission.ts'

/** The least that a submitted job can be. */
export const minimalTask = { Name: 'main', Engine: { Type: 'noop' } }
export const minimalJob = { Type: 'batch', Tasks: [minimalTask] }

/** The minimal job with other fields in its only task. */
export const jobWith = (task: object, job: object = {}) => ({
  ...minimalJob,
  ...job,
  Tasks: [{ ...minimalTask, ...task }],
})

/** The value of a parse that has to succeed. */
export function accepted<T>(parsed: Parsed<T>): T {
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems))
  return parsed.value
}

/** The problems of a parse that has to fail, as `path: message`. */
export function refused(parsed: Parsed<unknown>): string[] {
  assert.ok(!parsed.ok, 'accepted')
  return parsed.problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
}

/** The only task of a submission. */
export function onlyTask({ spec }: Submission) {
  const [task, ...others] = spec.Tasks
  assert.ok(task !== undefined && others.length === 0)
  return task
}

/** A job as it is stored, with times of today: beyond the safe integers. */
export const storedJob: Job = {
  ID: 'j-2f0c6d5e-70d8-4c5e-9a57-0f6b6a1f8f10',
  Name: 'count words',
  Namespace: 'default',
  Type: 'batch',
  Priority: 0,
  Count: 1,
  Constraints: [],
  Meta: { 'bacalhau.org/orchestrator.id': 'QmOrchestrator' },
  Labels: { team: 'a' },
  Tasks: [
    {
      Name: 'main',
      Engine: { Type: 'wasm', Params: { EntryModule: '/wasm/entry.wasm', Parameters: ['-c', null] } },
      Publisher: { Type: 'ipfs' },
      Env: { TEXT: 'x' },
      Meta: {},
      InputSources: [{ Source: { Type: 'ipfs', Params: { CID: 'QmData' } }, Alias: '', Target: '/inputs' }],
      ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
      Resources: { CPU: '500m', Memory: '1gb' },
      Network: { Type: 'None' },
      Timeouts: { ExecutionTimeout: 60 },
    },
  ],
  State: { StateType: 'Running' },
  Version: 1,
  Revision: 3,
  CreateTime: 1_735_689_600_000_000_000,
  ModifyTime: 1_735_689_601_123_456_768,
}

export const runOutput = {
  Stdout: 'hi\n',
  StdoutTruncated: false,
  stderr: '',
  StderrTruncated: false,
  ExitCode: 0,
  ErrorMsg: '',
}

export const storedExecution: Execution = {
  ID: 'e-2f0c6d5e-70d8-4c5e-9a57-0f6b6a1f8f10',
  Namespace: 'default',
  EvalID: '',
  Name: '',
  NodeID: 'QmNode',
  JobID: storedJob.ID,
  JobVersion: 1,
  AllocatedResources: { Tasks: { main: { CPU: 0.5, Memory: 1e9, Disk: 0, GPU: 0 } } },
  DesiredState: { StateType: 2, Message: 'execution completed' },
  ComputeState: { StateType: 9 },
  PublishedResult: { Type: 'ipfs', Params: { CID: 'QmResult' } },
  RunOutput: runOutput,
  PreviousExecution: '',
  NextExecution: '',
  FollowupEvalID: '',
  PartitionIndex: 0,
  Revision: 6,
  CreateTime: 1_735_689_600_000_000_000,
  ModifyTime: 1_735_689_602_000_000_000,
}

export const nodeInfo: NodeInfo = {
  NodeID: 'QmNode',
  NodeType: 'Compute',
  Labels: { os_type: 'linux' },
  SupportedProtocols: [],
  ComputeNodeInfo: {
    ExecutionEngines: ['wasm'],
    Publishers: ['ipfs'],
    StorageSources: ['ipfs', 'inline'],
    MaxCapacity: { CPU: 4, Memory: 8e9, Disk: 1e11, GPU: 0 },
    QueueCapacity: NO_RESOURCES,
    AvailableCapacity: { CPU: 3.5, Memory: 7e9, Disk: 1e11, GPU: 0 },
    MaxJobRequirements: { CPU: 4, Memory: 8e9, Disk: 1e11, GPU: 0 },
    RunningExecutions: 1,
    EnqueuedExecutions: 0,
    address: '',
  },
  BacalhauVersion: {
    Major: '0',
    Minor: '1',
    GitVersion: 'v0.1.0',
    GitCommit: '',
    BuildDate: '',
    GOOS: 'linux',
    GOARCH: 'amd64',
  },
}
