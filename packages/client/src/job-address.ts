import type { GetJobResponse, Job } from '@bacalhau/models'
import { shaped } from './shape.ts'
import type { CallOptions } from './transport.ts'

export interface JobOptions extends CallOptions {
  /** Where a job is looked up by name; `default` by default. */
  readonly namespace?: string
}

export const JOBS_PATH = '/api/v1/orchestrator/jobs'
export const jobPath = (id: string, rest = ''): string => `${JOBS_PATH}/${encodeURIComponent(id)}${rest}`

export const job = shaped<Job>({ ID: 'string', State: 'object', Tasks: 'array', Revision: 'number' })
export const jobAnswer = shaped<GetJobResponse>({ Job: 'object' })
