import {
  canExecutionBecome,
  canJobBecome,
  DESIRED_STATES,
  type Execution,
  EXECUTION_STATES,
  type ExecutionState,
  isFinalExecutionState,
  isFinalJobState,
  type Job,
  type JobState,
  type Resources,
} from '@bacalhau/models'
import { put, remove, type Write } from '../store/store.ts'
import { type HistoryEvent, toHistory } from './history.ts'
import { executionKey, historyKey, jobIndexes } from './job-records.ts'

const NANOSECONDS = 1e6

export interface LedgerOptions {
  readonly now: () => number
  /** Called with every execution that is placed or restored, and with every one that ends. */
  readonly onStart: (execution: Execution) => void
  readonly onEnd: (execution: Execution) => void
}

/**
 * The record of one job that has not ended: the job, its executions, and the writes that have not been committed yet. The only
 * place where their states change, always together with the event that says so. A partition (0 to Count - 1) is at any time
 * one of three: waiting, with one active execution, or completed.
 */
export class JobLedger {
  job: Job
  readonly #active = new Map<string, Execution>()
  readonly #waiting: Set<number>
  #completed = 0
  #sequence: number
  #writes: Write[] = []
  /** The job's own record differs from what was taken last. */
  #changed = false
  readonly #options: LedgerOptions

  constructor(job: Job, sequence: number, options: LedgerOptions) {
    this.job = job
    this.#sequence = sequence
    this.#options = options
    this.#waiting = new Set(Array.from({ length: job.Count }, (_, index) => index))
  }

  /** Takes up the executions that are stored already. */
  restore(executions: readonly Execution[]): void {
    for (const execution of executions) {
      if (!isFinalExecutionState(stateOf(execution))) this.#start(execution)
      else if (stateOf(execution) === EXECUTION_STATES.Completed) this.#complete(execution)
    }
  }

  /** Executions that have not ended, by id. */
  get active(): ReadonlyMap<string, Execution> {
    return this.#active
  }

  /** Partitions that have neither a completed execution nor one on the way. */
  get waiting(): ReadonlySet<number> {
    return this.#waiting
  }

  /** How many partitions are completed. */
  get completed(): number {
    return this.#completed
  }

  /** The first writes of a new job: the record, its indexes, and the event. */
  open(): void {
    this.#writes.push(...jobIndexes(this.job), put('job-open', this.job.ID, 1))
    this.event({ topic: 'Submission', message: 'Job submitted' })
  }

  /** Everything that changed since the last call, as one unit. */
  takeWrites(): Write[] {
    const writes = this.#writes
    this.#writes = []
    if (!this.#changed) return writes
    this.#changed = false
    return [...writes, put('job', this.job.ID, this.job)]
  }

  event(event: HistoryEvent): void {
    this.#sequence += 1
    const now = this.#options.now()
    this.#writes.push(
      put('history', historyKey(this.job.ID, this.#sequence), toHistory(this.job, this.#sequence, event, now)),
    )
    this.job = { ...this.job, Revision: this.job.Revision + 1, ModifyTime: now * NANOSECONDS }
    this.#changed = true
  }

  /** Moves the job on; a move that the state machine does not know is a fault of the program. */
  setJobState(state: JobState, message: string, details?: Record<string, string>): void {
    const from = this.job.State.StateType
    if (!canJobBecome(from, state)) throw new Error(`job ${this.job.ID} cannot go from ${from} to ${state}`)
    const shown = {
      ...(message === '' ? {} : { Message: message }),
      ...(details === undefined ? {} : { Details: details }),
    }
    this.job = { ...this.job, State: { StateType: state, ...shown } }
    if (isFinalJobState(state)) this.#writes.push(remove('job-open', this.job.ID))
    const topic = state === 'Queued' ? 'Queueing' : 'State Update'
    this.event({
      topic,
      message: message === '' ? state : `${state}. ${message}`,
      details: { ...details, NewState: state },
    })
  }

  /** Says anew why the job waits, without an event: it is the same wait. */
  explain(message: string): void {
    if (this.job.State.Message === message) return
    this.job = { ...this.job, Revision: this.job.Revision + 1, State: { ...this.job.State, Message: message } }
    this.#changed = true
  }

  addExecution(id: string, nodeId: string, partition: number, resources: Resources): Execution {
    const now = this.#options.now() * NANOSECONDS
    const { job } = this
    const execution: Execution = {
      ID: id,
      Namespace: job.Namespace,
      EvalID: '',
      Name: `${job.Name}.${id}`,
      NodeID: nodeId,
      JobID: job.ID,
      JobVersion: job.Version,
      AllocatedResources: { Tasks: { [job.Tasks[0]?.Name ?? 'main']: resources } },
      DesiredState: { StateType: DESIRED_STATES.Running },
      ComputeState: { StateType: EXECUTION_STATES.New },
      PublishedResult: { Type: '' },
      RunOutput: null,
      PreviousExecution: '',
      NextExecution: '',
      FollowupEvalID: '',
      PartitionIndex: partition,
      Revision: 1,
      CreateTime: now,
      ModifyTime: now,
    }
    this.#start(execution)
    this.#save(execution)
    this.event({
      topic: 'Scheduling',
      message: `Requested execution on ${nodeId}`,
      executionId: id,
      details: { NodeID: nodeId },
    })
    return execution
  }

  /** Moves an execution on and says so in the history. False, and nothing happens, when the state machine forbids it. */
  setExecutionState(
    id: string,
    state: ExecutionState,
    event: Omit<HistoryEvent, 'executionId'>,
    change: Partial<Execution> = {},
  ): boolean {
    const execution = this.#active.get(id)
    if (execution === undefined || !canExecutionBecome(stateOf(execution), state)) return false
    const final = isFinalExecutionState(state)
    const moved: Execution = {
      ...execution,
      ...change,
      ...(final ? { DesiredState: { StateType: DESIRED_STATES.Stopped, Message: event.message } } : {}),
      ComputeState: {
        StateType: state,
        Message: event.message,
        ...(event.details === undefined ? {} : { Details: { ...event.details } }),
      },
      Revision: execution.Revision + 1,
      ModifyTime: this.#options.now() * NANOSECONDS,
    }
    this.#save(moved)
    if (final) this.#end(moved)
    else this.#active.set(id, moved)
    this.event({ ...event, executionId: id })
    return true
  }

  #start(execution: Execution): void {
    this.#active.set(execution.ID, execution)
    this.#waiting.delete(execution.PartitionIndex)
    this.#options.onStart(execution)
  }

  #end(execution: Execution): void {
    this.#active.delete(execution.ID)
    this.#options.onEnd(execution)
    if (stateOf(execution) === EXECUTION_STATES.Completed) this.#complete(execution)
    else this.#waiting.add(execution.PartitionIndex)
  }

  #complete({ PartitionIndex }: Execution): void {
    this.#waiting.delete(PartitionIndex)
    this.#completed += 1
  }

  #save(execution: Execution): void {
    this.#writes.push(put('execution', executionKey(execution), execution))
  }
}

/** The schema has checked that the number is one of the states. */
export const stateOf = (execution: Execution): ExecutionState => execution.ComputeState.StateType as ExecutionState
