export type { JobEvent, JobHistory, JobInput, JobProgress } from '@bacalhau/models'
export { type Agent, createAgent } from './agent.ts'
export { ApiError, type ErrorCode, isApiError } from './api-error.ts'
export { type Client, type ClientOptions, createClient } from './client.ts'
export { type ContentEntry, readContent, walkContent } from './content/walk.ts'
export {
  type AddOptions,
  type CollectedData,
  createData,
  type Data,
  type FolderOptions,
  type GetOptions,
  type ReadOptions,
  type ResultOptions,
} from './data.ts'
export { type ClientEvent, type EventOptions, readJobEvents } from './events.ts'
export type { JobOptions } from './job-address.ts'
export {
  createJobs,
  type GetJobOptions,
  type HistoryOptions,
  type Jobs,
  type ListExecutionsOptions,
  type ListJobsOptions,
  type VersionedOptions,
  type VersionOptions,
} from './jobs.ts'
export type { LogPart } from './log-socket.ts'
export { type LogOptions, readLogs } from './logs.ts'
export { createNodes, type DecideOptions, type ListNodesOptions, type Nodes } from './nodes.ts'
export type { Answer, Fetch, OpenSocket, Platform } from './platform.ts'
export { readResults, type ResultEntry } from './results.ts'
export type { ArchiveEntry } from './untar.ts'
export type { RetryPolicy } from './retry.ts'
export { type BulkResult, createSubmission, type Submission, type SubmitOptions } from './submission.ts'
export type { FolderEntry } from './tar.ts'
export { createPeers, type Peers } from './peers.ts'
export { createTokens, type CreateTokenOptions, type Tokens } from './tokens.ts'
export { type CallOptions, createTransport, type Transport, type TransportOptions } from './transport.ts'
export { type ChangeOptions, hasEnded, type WaitOptions } from './wait.ts'
