import { EXECUTION_STATES } from '@bacalhau/models'
import { type Failure, failureDetails } from './failure.ts'
import type { JobLedger } from './job-ledger.ts'
import type { Report } from './node-session.ts'

/** What follows from a report, besides what it changed in the ledger. */
export interface ReportEffect {
  /** The node no longer works on the execution. */
  readonly ended: boolean
  /** Only progress: it need not be written before anything else happens. */
  readonly soon: boolean
  readonly refused?: { readonly reason: string; readonly later: boolean }
  /** The execution failed, and with it the job. */
  readonly failure?: Failure
}

const PROGRESS: ReportEffect = { ended: false, soon: true }
const END: ReportEffect = { ended: true, soon: false }

/** Applies a report of the node that holds the execution. One that comes late or twice changes nothing. */
export function applyReport(ledger: JobLedger, report: Report): ReportEffect {
  const id = report.executionId
  switch (report.type) {
    case 'accepted':
      if (ledger.setExecutionState(id, EXECUTION_STATES.BidAccepted, { topic: 'Execution', message: 'Running' }))
        startJob(ledger)
      return PROGRESS
    case 'progress':
      ledger.setExecutionState(id, report.state, {
        topic: 'Execution',
        message: report.state === EXECUTION_STATES.Running ? 'Running Execution' : 'Publishing Results',
      })
      return PROGRESS
    case 'refused': {
      const message = `rejected bid: ${report.reason}`
      ledger.setExecutionState(id, EXECUTION_STATES.AskForBidRejected, { topic: 'Scheduling', message })
      return { ...END, refused: report }
    }
    case 'completed': {
      const change = { RunOutput: report.output, PublishedResult: report.result }
      ledger.setExecutionState(
        id,
        EXECUTION_STATES.Completed,
        { topic: 'Execution', message: 'Completed successfully' },
        change,
      )
      return END
    }
    case 'failed': {
      const change = {
        ...(report.output === undefined ? {} : { RunOutput: report.output }),
        ...(report.result === undefined ? {} : { PublishedResult: report.result }),
      }
      const details = failureDetails(report)
      ledger.setExecutionState(
        id,
        EXECUTION_STATES.Failed,
        { topic: 'Execution', message: report.message, details },
        change,
      )
      return { ...END, failure: report }
    }
    case 'cancelled':
      // Only the orchestrator cancels, and it does not wait for the answer: this one stopped for another reason.
      ledger.setExecutionState(id, EXECUTION_STATES.Cancelled, { topic: 'Execution', message: report.message })
      return { ...END, failure: { code: 'ExecutionCancelled', message: report.message } }
  }
}

function startJob(ledger: JobLedger): void {
  const { StateType } = ledger.job.State
  if (StateType === 'Pending' || StateType === 'Queued') ledger.setJobState('Running', '')
}
