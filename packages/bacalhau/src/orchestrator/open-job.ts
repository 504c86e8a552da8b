import { type Execution, type Job, type Resources, toResources } from '@bacalhau/models'
import { JobLedger, type LedgerOptions } from './job-ledger.ts'

/** What a job gets that asks for nothing: the documented defaults, 500m of CPU and 512 MB of memory. */
const DEFAULTS: Resources = { CPU: 0.5, Memory: 512_000_000, Disk: 0, GPU: 0 }

/** A job that has not ended, with what is only remembered while it lasts. */
export interface OpenJob {
  readonly ledger: JobLedger
  /** What each of its executions needs. */
  readonly resources: Resources
  /** Jobs of one shape run on the same nodes and need the same room. */
  readonly shape: string
  /** How large an offer of one execution is on the link, about. */
  readonly offerBytes: number
  /** Why nodes refused it for good, by node. */
  readonly refusals: Map<string, string>
}

export interface JobHost {
  readonly now: () => number
  readonly onStart: (job: OpenJob, execution: Execution) => void
  readonly onEnd: (job: OpenJob, execution: Execution) => void
}

/** Takes up a job with its executions so far and the number of its last event. */
export function openJob(job: Job, executions: readonly Execution[], sequence: number, host: JobHost): OpenJob {
  const resources = toResources(job.Tasks[0]?.Resources ?? {}, DEFAULTS)
  const options: LedgerOptions = {
    now: host.now,
    onStart: (execution) => host.onStart(open, execution),
    onEnd: (execution) => host.onEnd(open, execution),
  }
  const open: OpenJob = {
    ledger: new JobLedger(job, sequence, options),
    resources,
    shape: shapeOf(job, resources),
    offerBytes: JSON.stringify(job).length,
    refusals: new Map(),
  }
  open.ledger.restore(executions)
  return open
}

/** Everything that decides where a job can run (see `matching.ts`), as one text. */
function shapeOf({ Tasks: [task], Constraints }: Job, resources: Resources): string {
  const sources = new Set(task?.InputSources.map(({ Source }) => Source.Type.toLowerCase()))
  return JSON.stringify([
    task?.Engine.Type.toLowerCase(),
    task?.Publisher.Type.toLowerCase(),
    [...sources].sort(),
    Constraints,
    resources,
  ])
}
