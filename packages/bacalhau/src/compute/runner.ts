import type { FinalReport, Job, Resources } from '@bacalhau/models'
import type { LogReader } from '../link/logs.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'

export type { FinalReport }

/** One execution as its orchestrator ordered it. */
export interface ExecutionOrder {
  readonly executionId: string
  /** Peer ID of the orchestrator: nobody else may end it or read its output. */
  readonly orchestrator: string
  readonly job: Job
  readonly partitionIndex: number
  readonly resources: Resources
}

/** Why an execution is not taken. */
export interface Refusal {
  readonly reason: string
  /** Is it to be asked again? */
  readonly later: boolean
}

/** Told about an execution while it goes on. */
export interface RunHooks {
  /**
   * The run itself has begun (6), or its results are being published (7), as in `EXECUTION_STATES`. `note` says what exactly
   * runs, for example the digest of its image.
   */
  onProgress(state: 6 | 7, note?: string): void
  /** What is being fetched before the run, and how far that is, for people to read. May be called as often as one likes. */
  onPreparing(text: string): void
}

/**
 * Carries executions out. The real one (`execution-runner.ts`) owns whatever touches disk and engines; what may run, when and
 * how often is decided by the compute node.
 */
export interface ExecutionRunner extends Stoppable {
  /** Why this node will never run such a job, however much is free; undefined when it can. Asked once for many executions of a job. */
  refusal(order: ExecutionOrder): string | undefined
  /**
   * Finds out whether the node wants such a job, where that takes time; undefined where it takes none. Asked once for many
   * executions of a job that is not refused already. Never rejects.
   */
  consider?(order: ExecutionOrder, signal: AbortSignal): Promise<Refusal | undefined> | undefined
  /** Runs an execution that needs neither time nor files, now; undefined when this one does. */
  runAtOnce?(order: ExecutionOrder): FinalReport | undefined
  /**
   * Runs one execution from its inputs to its report. Never rejects: whatever goes wrong is in the report. When `signal` aborts,
   * everything ends as soon as it can, and the signal's reason becomes the report.
   */
  run(order: ExecutionOrder, hooks: RunHooks, signal: AbortSignal): Promise<FinalReport>
  /** Called once, before anything runs: `held` are the executions that a former process left unfinished. */
  recover(held: readonly ExecutionOrder[]): Promise<void>
  readonly readLogs: LogReader
}
