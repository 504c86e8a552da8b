import { isFinalJobState, type Job, toResources, type Resources } from '@bacalhau/models'
import type { Clock } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store } from '../store/store.ts'
import { JobLedger } from './job-ledger.ts'
import { lastSequence, readExecutions, readJob } from './job-records.ts'

/** What a job gets that asks for nothing: the documented defaults, 500m of CPU and 512 MB of memory. */
const DEFAULTS: Resources = { CPU: 0.5, Memory: 512_000_000, Disk: 0, GPU: 0 }

/** A job that has not ended, with what is only remembered while it lasts. */
export interface OpenJob {
  readonly ledger: JobLedger
  readonly resources: Resources
  /** Why nodes refused it for good, by node. */
  readonly refusals: Map<string, string>
  /** Nodes that have no room for it at the moment. */
  readonly paused: Set<string>
}

export function openJob(ledger: JobLedger): OpenJob {
  const resources = toResources(ledger.job.Tasks[0]?.Resources ?? {}, DEFAULTS)
  return { ledger, resources, refusals: new Map(), paused: new Set() }
}

/** Partitions that have neither a completed execution nor one on the way. */
export function missingPartitions({ ledger }: OpenJob): number[] {
  const taken = ledger.partitions('completed').union(ledger.partitions('active'))
  return Array.from({ length: ledger.job.Count }, (_, index) => index).filter((index) => !taken.has(index))
}

/** Reads the jobs that had not ended when the store was last written. A damaged record is reported and left alone. */
export async function loadOpenJobs(store: Store, clock: Clock, logger: Logger): Promise<OpenJob[]> {
  const jobs: OpenJob[] = []
  for (const { key } of await store.range('job-open', { limit: Number.MAX_SAFE_INTEGER })) {
    try {
      const job = await readJob(store, key)
      if (job === undefined || isFinalJobState(job.State.StateType)) continue
      jobs.push(openJob(await load(store, job, clock)))
    } catch (error) {
      logger.error({ jobId: key, error: messageOf(error) }, 'a job cannot be read; it is left alone')
    }
  }
  return jobs
}

async function load(store: Store, job: Job, clock: Clock): Promise<JobLedger> {
  const executions = await readExecutions(store, job.ID)
  return new JobLedger(job, executions, await lastSequence(store, job.ID), () => clock.now())
}
