import { EXECUTION_STATES, type Execution } from '@bacalhau/models'
import { type Failure, failureDetails } from './failure.ts'
import type { JobLedger } from './job-ledger.ts'
import type { Report } from './node-session.ts'

/** What follows from a report, besides what it changed in the ledger. */
export type ReportEffect =
  /** It came late or twice, and changed nothing. */
  | { readonly kind: 'nothing' }
  /** It need not be written before anything else happens. */
  | { readonly kind: 'progress' }
  | { readonly kind: 'refused'; readonly reason: string; readonly later: boolean }
  | { readonly kind: 'completed' }
  /** The execution failed, and with it the job. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Applies a report of the node that holds the execution. */
export function applyReport(ledger: JobLedger, report: Report): ReportEffect {
  const changed = report.type === 'refused' ? refuse(ledger, report) : advance(ledger, report)
  if (!changed) return { kind: 'nothing' }
  switch (report.type) {
    case 'accepted':
    case 'progress':
      return { kind: 'progress' }
    case 'refused':
      return { kind: 'refused', reason: report.reason, later: report.later }
    case 'completed':
      return { kind: 'completed' }
    case 'failed':
      return { kind: 'failed', failure: report }
    case 'cancelled':
      // Only the orchestrator cancels, and it does not wait for the answer: this one stopped for another reason.
      return { kind: 'failed', failure: { code: 'ExecutionCancelled', message: report.message } }
  }
}

function refuse(ledger: JobLedger, { executionId, reason }: Extract<Report, { type: 'refused' }>): boolean {
  const message = `rejected bid: ${reason}`
  return ledger.setExecutionState(executionId, EXECUTION_STATES.AskForBidRejected, { topic: 'Scheduling', message })
}

type Advance = Exclude<Report, { type: 'refused' }>

/** Every other report says that the node took the execution, also when the one that said just this got lost. */
function advance(ledger: JobLedger, report: Advance): boolean {
  if (!ledger.active.has(report.executionId)) return false
  startJob(ledger)
  return moveExecution(ledger, report)
}

function startJob(ledger: JobLedger): void {
  const { StateType } = ledger.job.State
  if (StateType === 'Pending' || StateType === 'Queued') ledger.setJobState('Running', '')
}

function moveExecution(ledger: JobLedger, report: Advance): boolean {
  const id = report.executionId
  const topic = 'Execution'
  switch (report.type) {
    case 'accepted':
      return ledger.setExecutionState(id, EXECUTION_STATES.BidAccepted, { topic, message: 'Running' })
    case 'progress': {
      const message = report.state === EXECUTION_STATES.Running ? 'Running Execution' : 'Publishing Results'
      return ledger.setExecutionState(id, report.state, { topic, message })
    }
    case 'completed': {
      const event = { topic, message: 'Completed successfully' } as const
      return ledger.setExecutionState(id, EXECUTION_STATES.Completed, event, resultsOf(report))
    }
    case 'failed': {
      const event = { topic, message: report.message, details: failureDetails(report) } as const
      return ledger.setExecutionState(id, EXECUTION_STATES.Failed, event, resultsOf(report))
    }
    case 'cancelled':
      return ledger.setExecutionState(id, EXECUTION_STATES.Cancelled, { topic, message: report.message })
  }
}

function resultsOf({ output, result }: Extract<Report, { type: 'completed' | 'failed' }>): Partial<Execution> {
  return {
    ...(output === undefined ? {} : { RunOutput: output }),
    ...(result === undefined ? {} : { PublishedResult: result }),
  }
}
