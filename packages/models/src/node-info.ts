import { z } from 'zod'
import { resourcesSchema } from './resources.ts'
import { text, textByName } from './spec-fields.ts'

const name = z.string().max(256)
const names = z.array(name).max(256)

export const buildInfoSchema = z.strictObject({
  Major: name,
  Minor: name,
  GitVersion: name,
  GitCommit: name,
  BuildDate: name,
  GOOS: name,
  GOARCH: name,
})
export type BuildInfo = z.infer<typeof buildInfoSchema>

/** One GPU. Memory is in mebibytes. */
export const gpuSchema = z.strictObject({
  Index: z.int().nonnegative(),
  Name: name,
  Vendor: z.enum(['NVIDIA', 'AMD/ATI', 'Intel']),
  Memory: z.int().nonnegative(),
  PCIAddress: name,
})
export type GpuInfo = z.infer<typeof gpuSchema>

export const computeNodeInfoSchema = z.strictObject({
  ExecutionEngines: names,
  Publishers: names,
  StorageSources: names,
  MaxCapacity: resourcesSchema.extend({ GPUs: z.array(gpuSchema).max(256).optional() }),
  QueueCapacity: resourcesSchema,
  AvailableCapacity: resourcesSchema,
  MaxJobRequirements: resourcesSchema,
  RunningExecutions: z.int().nonnegative(),
  EnqueuedExecutions: z.int().nonnegative(),
  address: name,
})
export type ComputeNodeInfo = z.infer<typeof computeNodeInfoSchema>

/** What a node says of itself. `NodeID` is its peer ID. */
export const nodeInfoSchema = z.strictObject({
  NodeID: name,
  NodeType: z.enum(['Requester', 'Compute']),
  Labels: textByName(text(1_024)),
  SupportedProtocols: names,
  ComputeNodeInfo: computeNodeInfoSchema,
  BacalhauVersion: buildInfoSchema,
})
export type NodeInfo = z.infer<typeof nodeInfoSchema>

export const MEMBERSHIPS = ['UNKNOWN', 'PENDING', 'APPROVED', 'REJECTED'] as const
export type Membership = (typeof MEMBERSHIPS)[number]

/**
 * How an orchestrator reaches a node: `local` on the same machine; `direct` over a connection that it opened or could open;
 * `punched` through holes in the routers between; `relayed` over another node; `inbound-only` over the connection that the
 * node opened, and as far as is known not otherwise; `none` when it is not connected.
 */
export const REACHES = ['local', 'direct', 'punched', 'relayed', 'inbound-only', 'none'] as const
export type Reach = (typeof REACHES)[number]

/** A node as the orchestrator sees it. Times are RFC 3339; the zero time stands for "never". */
export interface NodeState {
  readonly Info: NodeInfo
  readonly Membership: Membership
  readonly Connection: 'CONNECTED' | 'DISCONNECTED'
  /** How it is reached at present. */
  readonly Reach?: Reach
  /** What it and the orchestrator speak: `bacalhau-link/v3`, or `go-libp2p/v1.2.3` with a node of the Go program. */
  readonly Protocol?: string
  /** What that protocol cannot promise, and what is done about it, one sentence each. */
  readonly Guarantees?: readonly string[]
  readonly ConnectionState: {
    readonly Status: 'CONNECTED' | 'DISCONNECTED'
    readonly LastHeartbeat: string
    readonly ConnectedSince: string
    readonly DisconnectedSince: string
    readonly LastError: string
  }
}
