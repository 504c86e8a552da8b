import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { nodeStateSchema } from './answers.ts'
import { apiErrorSchema } from './api.ts'
import {
  constraintSchema,
  inputSourceSchema,
  networkSchema,
  portSchema,
  resultPathSchema,
  taskSchema,
  timeoutsSchema,
} from './job-spec.ts'
import { jobStateSchema } from './job-state.ts'
import { buildInfoSchema, computeNodeInfoSchema, nodeInfoSchema } from './node-info.ts'
import { executionSchema, jobHistorySchema, jobSchema, runOutputSchema } from './records.ts'
import { resourcesSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/** Keys and kinds of JSON of the documented API, as its clients read them. `?` may be absent. */
const RECORDED: readonly (readonly [name: string, schema: z.ZodType, keys: string])[] = [
  [
    'Job',
    jobSchema,
    'ID:string Name:string Namespace:string Type:string Priority:integer Count:integer Constraints:array Meta:object ' +
      'Labels:object Tasks:array State:object Version:integer Revision:integer CreateTime:number ModifyTime:number',
  ],
  ['State', jobStateSchema, 'StateType:string Message?:string Details?:object'],
  [
    'Task',
    taskSchema,
    'Name:string Engine:object Publisher:object Env:object Meta:object InputSources:array ResultPaths:array ' +
      'Resources:object Network:object Timeouts:object',
  ],
  ['SpecConfig', specConfigSchema, 'Type:string Params?:object'],
  ['InputSource', inputSourceSchema, 'Source:object Alias:string Target:string'],
  ['ResultPath', resultPathSchema, 'Name:string Path:string'],
  ['Constraint', constraintSchema, 'Key:string Operator:string Values?:array'],
  ['Network', networkSchema, 'Type:string Domains?:array Ports?:array'],
  ['Port', portSchema, 'Name:string Static?:integer Target?:integer HostNetwork?:string'],
  [
    'Timeouts',
    timeoutsSchema,
    'ExecutionTimeout?:integer QueueTimeout?:integer TotalTimeout?:integer DisconnectGrace?:integer',
  ],
  [
    'Execution',
    executionSchema,
    'ID:string Namespace:string EvalID:string Name:string NodeID:string JobID:string JobVersion:integer ' +
      'AllocatedResources:object DesiredState:object ComputeState:object PublishedResult:object RunOutput:object ' +
      'PreviousExecution:string NextExecution:string FollowupEvalID:string PartitionIndex:integer Revision:integer ' +
      'CreateTime:number ModifyTime:number',
  ],
  [
    'RunOutput',
    runOutputSchema,
    'Stdout:string StdoutTruncated:boolean stderr:string StderrTruncated:boolean ExitCode:integer ErrorMsg:string',
  ],
  [
    'JobHistory',
    jobHistorySchema,
    'SeqNum:integer Type:string JobID:string JobVersion:integer ExecutionID?:string Event:object Time:string',
  ],
  ['Event', jobHistorySchema.shape.Event, 'Message:string Topic:string Timestamp:string Details?:object'],
  ['Resources', resourcesSchema, 'CPU:number Memory:integer Disk:integer GPU:integer'],
  [
    'NodeInfo',
    nodeInfoSchema,
    'NodeID:string NodeType:string Labels:object SupportedProtocols:array ComputeNodeInfo:object BacalhauVersion:object',
  ],
  [
    'ComputeNodeInfo',
    computeNodeInfoSchema,
    'ExecutionEngines:array Publishers:array StorageSources:array MaxCapacity:object QueueCapacity:object ' +
      'AvailableCapacity:object MaxJobRequirements:object RunningExecutions:integer EnqueuedExecutions:integer address:string',
  ],
  [
    'BuildVersionInfo',
    buildInfoSchema,
    'Major:string Minor:string GitVersion:string GitCommit:string BuildDate:string GOOS:string GOARCH:string',
  ],
  ['NodeState', nodeStateSchema, 'Info:object Membership:string Connection:string ConnectionState:object'],
  [
    'APIError',
    apiErrorSchema,
    'Status:number Message:string RequestID:string Code:string Component:string Hint?:string Details?:object',
  ],
]

/** What may be added to a documented model; its clients ignore it. */
const ADDED = new Set(['Progress', 'error'])

describe('models have the documented keys', () => {
  for (const [name, schema, keys] of RECORDED) {
    test(name, () => {
      const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })
      const found = Object.entries(properties)
        .filter(([key]) => !ADDED.has(key))
        .map(([key, property]) => `${key}${required.includes(key) ? '' : '?'}:${kindOf(property)}`)
      assert.deepEqual(found.toSorted(), keys.split(' ').toSorted())
    })
  }
})

/** The kind of a property; of one that may be null, the other one. */
function kindOf(property: z.core.JSONSchema._JSONSchema): string {
  if (typeof property === 'boolean') return 'any'
  const { type, anyOf = [] } = property
  if (typeof type === 'string') return type
  return anyOf.map(kindOf).find((kind) => kind !== 'null') ?? 'any'
}
