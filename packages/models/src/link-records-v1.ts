import { z } from 'zod'
import { text, textByName } from './spec-fields.ts'

/**
 * Jobs, nodes and outputs as version 1 of the link knows them. A copy of what they were then, on purpose: peers of that
 * version refuse a message with a field that they do not know, so that whatever the models gain must be left out for them.
 * Reading by these schemas does that. Nothing is ever added here.
 */

const MAX_ITEMS = 1_000
const name = z.string().max(256)
const names = z.array(name).max(256)
const whole = z.int().nonnegative()
const nanoseconds = z.number().nonnegative().refine(Number.isInteger, 'expected a whole number')
const seconds = z.int().min(0).max(31_536_000).optional()
const labels = textByName(text(4_096))
export const timeoutsV1Schema = z.object({ ExecutionTimeout: seconds, QueueTimeout: seconds, TotalTimeout: seconds })

const specConfigV1Schema = z.object({ Type: text(64), Params: z.record(z.string(), z.unknown()).optional() })

export const resourcesV1Schema = z.object({ CPU: z.number().nonnegative(), Memory: whole, Disk: whole, GPU: whole })

const quantity = text(32).optional()

const networkV1Schema = z.object({
  Type: z.enum(['Default', 'None', 'Host', 'Full', 'HTTP', 'Bridge']),
  Domains: z.array(text(253)).max(MAX_ITEMS).optional(),
  Ports: z
    .array(
      z.object({
        Name: text(237),
        Static: z.int().min(0).max(65_535).optional(),
        Target: z.int().min(0).max(65_535).optional(),
        HostNetwork: text(64).optional(),
      }),
    )
    .max(MAX_ITEMS)
    .optional(),
})

export const taskV1Schema = z.object({
  Name: text(255),
  Engine: specConfigV1Schema,
  Publisher: specConfigV1Schema,
  Env: textByName(text(131_072)),
  Meta: labels,
  InputSources: z
    .array(z.object({ Source: specConfigV1Schema, Alias: text(1_024), Target: text(4_096) }))
    .max(MAX_ITEMS),
  ResultPaths: z.array(z.object({ Name: text(255), Path: text(4_096) })).max(MAX_ITEMS),
  Resources: z.object({ CPU: quantity, Memory: quantity, Disk: quantity, GPU: quantity }),
  Network: networkV1Schema,
  Timeouts: timeoutsV1Schema,
})

const constraintV1Schema = z.object({
  Key: text(256),
  Operator: z.enum(['in', 'notin', '=', '==', '!=', 'exists', '!', 'gt', 'lt']),
  Values: z.array(text(1_024)).max(MAX_ITEMS).optional(),
})

export const jobV1Schema = z.object({
  Name: text(1_024),
  Namespace: text(255),
  Type: z.enum(['batch', 'service', 'daemon', 'ops']),
  Priority: z.int().min(-1_000_000).max(1_000_000),
  Count: whole,
  Constraints: z.array(constraintV1Schema),
  Meta: z.record(z.string(), z.string()),
  Labels: labels,
  Tasks: z.array(taskV1Schema).min(1),
  ID: z.string().min(1),
  State: z.object({
    StateType: z.enum(['Undefined', 'Pending', 'Queued', 'Running', 'Completed', 'Failed', 'Stopped']),
    Message: z.string().optional(),
    Details: z.record(z.string(), z.string()).optional(),
  }),
  Version: z.int().positive(),
  Revision: z.int().positive(),
  CreateTime: nanoseconds,
  ModifyTime: nanoseconds,
})

const head = z.string().max(2_048)
export const runOutputV1Schema = z.object({
  Stdout: head,
  StdoutTruncated: z.boolean(),
  stderr: head,
  StderrTruncated: z.boolean(),
  ExitCode: z.int(),
  ErrorMsg: z.string().max(16_384),
})

/** The result of an execution. */
export const resultV1Schema = specConfigV1Schema

export const nodeInfoV1Schema = z.object({
  NodeID: name,
  NodeType: z.enum(['Requester', 'Compute']),
  Labels: textByName(text(1_024)),
  SupportedProtocols: names,
  ComputeNodeInfo: z.object({
    ExecutionEngines: names,
    Publishers: names,
    StorageSources: names,
    MaxCapacity: resourcesV1Schema,
    QueueCapacity: resourcesV1Schema,
    AvailableCapacity: resourcesV1Schema,
    MaxJobRequirements: resourcesV1Schema,
    RunningExecutions: whole,
    EnqueuedExecutions: whole,
    address: name,
  }),
  BacalhauVersion: z.object({
    Major: name,
    Minor: name,
    GitVersion: name,
    GitCommit: name,
    BuildDate: name,
    GOOS: name,
    GOARCH: name,
  }),
})
