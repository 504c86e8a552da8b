export { ApiError } from './api-error.ts'
export { type Agent, type Client, type ClientOptions, createClient, type DecideOptions, type Nodes } from './client.ts'
export type { AddOptions, CollectedData, Data, GetOptions } from './data.ts'
export type {
  CallOptions,
  ChangeOptions,
  GetJobOptions,
  HistoryOptions,
  JobOptions,
  Jobs,
  ListExecutionsOptions,
  ListJobsOptions,
  SubmitOptions,
  VersionedOptions,
  VersionOptions,
  WaitOptions,
} from './jobs.ts'
export type { LogOptions, LogPart, OpenSocket } from './logs.ts'
export type { Fetch } from './transport.ts'
