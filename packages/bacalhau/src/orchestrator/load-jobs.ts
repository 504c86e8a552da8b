import { EXECUTION_STATES, isFinalJobState } from '@bacalhau/models'
import { messageOf } from '../runtime/error.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Store } from '../store/store.ts'
import type { LedgerStart } from './job-ledger.ts'
import { type JobRow, lastSequence, readJob, readRuns, requireJob } from './job-records.ts'
import type { OpenJob } from './open-job.ts'
import { count } from './retry.ts'
import { isOver, type Run } from './run.ts'

type Create = (start: LedgerStart) => OpenJob

/** Jobs that are read in one go. */
const BATCH = 500

/** Reads the jobs that had not ended when the store was last written. A damaged record is reported and left alone. */
export async function* loadOpenJobs(store: Store, logger: Logger, create: Create): AsyncGenerator<OpenJob> {
  for (let after: string | undefined; ;) {
    const rows = await store.range('job-open', { limit: BATCH, ...(after === undefined ? {} : { after }) })
    for (const { key, value } of rows) {
      after = key
      // Stores of the first layout have the id as the key.
      const id = typeof value === 'string' ? value : key
      try {
        const row = await readJob(store, id)
        if (row !== undefined && !isFinalJobState(row.job.State.StateType)) yield await restore(store, row, create)
      } catch (error) {
        logger.error({ jobId: id, error: messageOf(error) }, 'a job cannot be read; it is left alone')
      }
    }
    if (rows.length < BATCH) return
  }
}

/** One job, whatever its state. Throws `NotFound`. */
export async function loadJob(store: Store, jobId: string, create: Create): Promise<OpenJob> {
  return restore(store, await requireJob(store, jobId), create)
}

async function restore(store: Store, row: JobRow, create: Create): Promise<OpenJob> {
  const found = []
  let ordinal = 0
  // Of what has ended only what still counts is kept: a job may have a hundred thousand runs.
  for await (const stored of readRuns(store, row.key)) {
    ordinal = Math.max(ordinal, stored.ordinal + 1)
    if (stored.run.version === row.job.Version) found.push(stored)
  }
  const job = create({ ...row, sequence: await lastSequence(store, row.key), ordinal })
  for (const stored of found) {
    if (!isOver(stored.run)) job.ledger.restore(stored)
    remember(job, stored.run)
  }
  return job
}

/** What a run says about the rest of the work. */
function remember(job: OpenJob, run: Run): void {
  const { agenda } = job
  if (!isOver(run) || run.state === EXECUTION_STATES.Completed) agenda.take(run)
  if (agenda.kind === 'targets') {
    agenda.begin()
    // One that was refused or withdrawn never ran. Whether it was refused for good is not known any more: the node is asked again.
    const neverRan = run.state === EXECUTION_STATES.AskForBidRejected || run.state === EXECUTION_STATES.Cancelled
    if (job.job.Type === 'ops' && neverRan) agenda.giveBack(run)
    else if (job.job.Type === 'ops') agenda.take(run)
    if (run.state === EXECUTION_STATES.Completed) agenda.complete()
  }
  if (run.state !== EXECUTION_STATES.Failed) return
  const code = run.details?.['ErrorCode'] ?? 'InternalError'
  const { id, node, created, modified } = run
  const cause = code === 'NodeLost' ? ({ kind: 'lost' } as const) : ({ kind: 'failed', code } as const)
  if (cause.kind === 'failed' || job.job.Type === 'ops') {
    job.firstFailure ??= { code, message: run.message ?? '', hint: run.details?.['Hint'] }
  }
  job.troubles.set(
    job.troubleKey(run),
    count(job.troubleOf(run), cause, { id, node, milliseconds: modified - created }),
  )
}
