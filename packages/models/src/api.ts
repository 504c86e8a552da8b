import { z } from 'zod'
import type { Execution, Job, JobHistory } from './records.ts'
import type { NodeState } from './node-info.ts'

/** Body of every answer of the REST API that is not a success. The first five keys are always there. */
export const apiErrorSchema = z.object({
  Status: z.number(),
  Message: z.string(),
  RequestID: z.string(),
  Code: z.string(),
  Component: z.string(),
  Hint: z.string().optional(),
  Details: z.record(z.string(), z.string()).optional(),
  error: z.string().optional().describe('The message once more, for clients of the generic endpoint.'),
})
export type ApiErrorBody = z.infer<typeof apiErrorSchema>

/** Envelope of a submission. What else a client sends is taken without effect. */
const anything = z.unknown().optional()
export const putJobRequestSchema = z.object({
  Job: z.unknown(),
  Namespace: z.string().max(255).optional(),
  IdempotencyToken: anything,
  Credential: anything,
  Force: z.boolean().optional(),
})

export interface PutJobResponse {
  readonly JobID: string
  readonly EvaluationID: string
  readonly Warnings: readonly string[] | null
}

export interface DiffJobResponse {
  /** What the submission would change: a line with `-` for each old value, one with `+` for each new one. */
  readonly Diff: string
  readonly Warnings: readonly string[] | null
}

export interface RerunJobResponse extends PutJobResponse {
  /** The version that runs now. */
  readonly JobVersion: number
}

export interface Page<T> {
  readonly NextToken: string
  readonly Items: readonly T[]
}

export interface GetJobResponse {
  readonly Job: Job
  readonly History?: Page<JobHistory>
  readonly Executions?: Page<Execution>
}

export interface ListNodesResponse {
  readonly NextToken: string
  readonly Nodes: readonly NodeState[]
}

export type NodeAction = 'approve' | 'reject' | 'delete'

export interface ChangeNodeResponse {
  readonly Success: boolean
  /** Why not, where an orchestrator of another make says so instead of answering with an error. */
  readonly Error?: string
}

export interface StopJobResponse {
  readonly EvaluationID: string
}

/** What a peer learns from `GET /api/v1/peer`, which `--peer …/http` asks. */
export const peerResponseSchema = z.object({
  ID: z.string().max(128),
  Addresses: z.array(z.string().max(512)).max(64),
})
export type PeerResponse = z.infer<typeof peerResponseSchema>

/** One message of the log stream. Type 1 is stdout, 2 is stderr. A `Line` is a chunk, not always a whole line. */
export interface LogFrame {
  readonly value: { readonly Type: 0 | 1 | 2; readonly Line: string }
  readonly error?: string
}

/** Answer of `PUT /api/v1/data`, and one entry of `GET /api/v1/data/ls`. */
export interface AddedData {
  readonly CID: string
  /** Bytes of content. */
  readonly Bytes: number
  readonly Files: number
}

export interface DataEntry {
  readonly Name: string
  readonly CID: string
  readonly Bytes: number
  readonly Type: 'file' | 'directory' | 'symlink'
}
