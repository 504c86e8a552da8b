import {
  canExecutionBecome,
  canJobBecome,
  EXECUTION_STATES,
  type ExecutionState,
  isFinalJobState,
  type Job,
  type JobState,
  type Resources,
} from '@bacalhau/models'
import { clear, put, remove, type Write } from '../store/store.ts'
import { EVENTS_PER_ROW, type HistoryEvent, type NumberedEvent, packEvent } from './history.ts'
import {
  EVENT_BLOCK,
  historyKey,
  historyKeys,
  jobIndexes,
  type JobRow,
  RUN_BLOCK,
  runKey,
  runKeys,
  type StoredRun,
  timeIndex,
  versionKey,
} from './job-records.ts'
import { isOver, type Run } from './run.ts'

const NANOSECONDS = 1e6
/** Events and executions that a job keeps at least; a large task array keeps as many events for each of its runs. */
const [KEPT_EVENTS, EVENTS_PER_RUN, KEPT_RUNS] = [10_000, 12, 1_000]

/** Where a ledger begins: what is stored of the job. */
export interface LedgerStart extends JobRow {
  /** Number of the last event. */
  readonly sequence: number
  /** Executions so far, of all versions. */
  readonly ordinal: number
}

/** What was taken of a ledger to be written. */
export interface Taken {
  readonly job: Job
  /** Events with numbers above `after` up to `upTo`. */
  readonly after: number
  readonly upTo: number
  /** Was the job's own record among them? */
  readonly visible: boolean
}

/** What is said of an execution when it moves on. */
export interface RunChange {
  readonly message: string
  readonly details?: Record<string, string> | undefined
  readonly output?: Run['output']
  readonly result?: Run['result']
  /** Who made it happen, where it is not who the topic of the event says. */
  readonly actor?: string
}

/**
 * The record of one job: the job, its executions that have not ended, and the writes that have not been taken yet. The only
 * place where their states change, always together with the event that says so.
 */
export class JobLedger {
  readonly key: string
  #job: Job
  #since: number
  #sequence: number
  #ordinal: number
  readonly #now: () => number
  /** Executions that have not ended, and where they are stored. */
  readonly #active = new Map<string, StoredRun>()
  #writes: Write[] = []
  #events: NumberedEvent[] = []
  #changedRuns = new Map<string, Run>()
  /** How far executions are that do not run yet, by id. Never stored. */
  readonly #preparing = new Map<string, string>()
  /** The job's own record differs from what was taken last. */
  #changed = false
  #taken: Taken

  constructor({ job, key, since, sequence, ordinal }: LedgerStart, now: () => number) {
    this.#job = job
    this.key = key
    this.#since = since
    this.#sequence = sequence
    this.#ordinal = ordinal
    this.#now = now
    this.#taken = { job, after: sequence, upTo: sequence, visible: false }
  }

  get job(): Job {
    return this.#job
  }

  /** What `takeWrites` has given since this was asked last: a unit may have taken several times. */
  showTaken(): Taken {
    const taken = this.#taken
    this.#taken = { job: taken.job, after: taken.upTo, upTo: taken.upTo, visible: false }
    return taken
  }

  /** When this version began to wait, in milliseconds since the epoch. */
  get since(): number {
    return this.#since
  }

  get isOver(): boolean {
    return isFinalJobState(this.#job.State.StateType)
  }

  /** Is there nothing that `takeWrites` would give? */
  get isTaken(): boolean {
    return !this.#changed && this.#writes.length === 0 && this.#events.length === 0 && this.#changedRuns.size === 0
  }

  /** Has all that was taken been shown? What was not is still on its way to the disk. */
  get isShown(): boolean {
    return this.#taken.after === this.#taken.upTo && !this.#taken.visible
  }

  /** How many executions have not ended. */
  get active(): number {
    return this.#active.size
  }

  /** Executions that have not ended. */
  runs(): Run[] {
    return [...this.#active.values()].map(({ run }) => run)
  }

  run(id: string): Run | undefined {
    return this.#active.get(id)?.run
  }

  /** How far an execution is before it runs, in words; undefined when nothing was heard of that. */
  preparing(id: string): string | undefined {
    return this.#preparing.get(id)
  }

  /** An execution that has not begun to run has come this far. False when that is no news. */
  prepare(id: string, words: string): boolean {
    const state = this.#active.get(id)?.run.state
    if (state === undefined || state > EXECUTION_STATES.BidAccepted || this.#preparing.get(id) === words) return false
    this.#preparing.set(id, words)
    return true
  }

  /** The first writes of a new job: the record, its indexes, the event, and what belongs with them. */
  open(beside: readonly Write[] = []): void {
    this.#writes.push(...jobIndexes(this.#job), put('job-open', this.key, this.#job.ID), ...beside)
    this.event({ topic: 'Submission', message: 'Job submitted' })
    this.#changed = true
  }

  /** Takes up an execution that is stored already and has not ended. */
  restore(stored: StoredRun): void {
    this.#active.set(stored.run.id, stored)
  }

  /**
   * Begins a new version of the job, from whatever state. The old one is kept beside it. Its executions must have ended
   * before. `beside` belongs to the same unit.
   */
  renew(job: Job, event: HistoryEvent, beside: readonly Write[] = []): void {
    const old = this.#job
    const now = this.#now()
    const kept = put('job-version', versionKey(old.ID, old.Version), old)
    this.#writes.push(kept, put('job-open', this.key, old.ID), ...beside)
    this.#since = now
    this.#job = {
      ...job,
      ID: old.ID,
      Version: old.Version + 1,
      Revision: old.Revision + 1,
      State: { StateType: 'Pending', Message: event.message },
      CreateTime: old.CreateTime,
      ModifyTime: now * NANOSECONDS,
    }
    this.#writes.push(timeIndex(this.#job))
    this.#changed = true
    this.event(event)
  }

  /** Everything that changed since the last call, as one unit. */
  takeWrites(): Write[] {
    const writes = this.#writes
    const { after, visible } = this.#taken
    this.#taken = { job: this.#job, after, upTo: this.#sequence, visible: visible || this.#changed }
    this.#writes = []
    // A copy: a unit that has to be written once more must not show what has happened since.
    for (const [key, run] of this.#changedRuns) writes.push(put('execution', key, { ...run }))
    this.#changedRuns.clear()
    for (let from = 0; from < this.#events.length; from += EVENTS_PER_ROW) {
      const row = this.#events.slice(from, from + EVENTS_PER_ROW)
      writes.push(put('history', historyKey(this.key, row.at(-1)?.sequence ?? 0), row.map(packEvent)))
    }
    this.#events = []
    if (this.#changed) {
      writes.push(put('job', this.#job.ID, { job: this.#job, key: this.key, since: this.#since } satisfies JobRow))
      this.#changed = false
    }
    return writes
  }

  event(event: HistoryEvent): void {
    this.#sequence += 1
    this.#events.push({ ...event, sequence: this.#sequence, time: this.#now(), version: this.#job.Version })
    if (this.#sequence % EVENT_BLOCK === 0) this.#dropOldEvents(this.#sequence / EVENT_BLOCK)
  }

  /** Moves the job on; a move that the state machine does not know is a fault of the program. */
  setJobState(state: JobState, message: string, details?: Record<string, string>): void {
    const from = this.#job.State.StateType
    if (!canJobBecome(from, state)) throw new Error(`job ${this.#job.ID} cannot go from ${from} to ${state}`)
    const shown = {
      ...(message === '' ? {} : { Message: message }),
      ...(details === undefined ? {} : { Details: details }),
    }
    this.#job = {
      ...this.#job,
      Revision: this.#job.Revision + 1,
      State: { StateType: state, ...shown },
      ModifyTime: this.#now() * NANOSECONDS,
    }
    this.#changed = true
    if (isFinalJobState(state)) this.#writes.push(remove('job-open', this.key))
    this.event({
      topic: state === 'Queued' ? 'Queueing' : 'State Update',
      message: message === '' ? state : `${state}. ${message}`,
      details: { ...details, NewState: state },
    })
  }

  addRun(id: string, node: string, partition: number, resources: Resources, previous?: string): Run {
    const now = this.#now()
    const run: Run = {
      id,
      version: this.#job.Version,
      node,
      partition,
      resources,
      state: EXECUTION_STATES.New,
      ...(previous === undefined ? {} : { previous }),
      revision: 1,
      created: now,
      modified: now,
    }
    const ordinal = this.#ordinal++
    if (ordinal % RUN_BLOCK === 0) this.#dropOldRuns(ordinal / RUN_BLOCK)
    const key = runKey(this.key, ordinal)
    this.#active.set(id, { key, ordinal, run })
    this.#changedRuns.set(key, run)
    this.event({
      topic: 'Scheduling',
      message: `Requested execution on ${node}`,
      executionId: id,
      details: { NodeID: node },
    })
    return run
  }

  /** Moves an execution on and says so in the history. False, and nothing happens, when the state machine forbids it. */
  moveRun(id: string, state: ExecutionState, change: RunChange, topic: HistoryEvent['topic'] = 'Execution'): boolean {
    const entry = this.#active.get(id)
    if (entry === undefined || !canExecutionBecome(entry.run.state, state)) return false
    const { key, run } = entry
    run.state = state
    run.message = change.message
    run.details = change.details
    if (change.output !== undefined) run.output = change.output
    if (change.result !== undefined) run.result = change.result
    run.revision += 1
    run.modified = this.#now()
    this.#changedRuns.set(key, run)
    if (isOver(run)) this.#active.delete(id)
    if (state > EXECUTION_STATES.BidAccepted || isOver(run)) this.#preparing.delete(id)
    const details = change.actor === undefined ? change.details : { Actor: change.actor, ...change.details }
    this.event({ topic, message: change.message, executionId: id, details })
    return true
  }

  /** A job that runs for ever makes events for ever: the oldest go, a thousand at a time. */
  #dropOldEvents(block: number): void {
    const kept = Math.max(KEPT_EVENTS, EVENTS_PER_RUN * this.#job.Count) / EVENT_BLOCK
    const old = Math.floor(block - kept)
    if (old >= 0) this.#writes.push(clear('history', historyKeys(this.key, old)))
  }

  /** The same for the executions of a job that replaces them for ever. Those of a batch job are its results. */
  #dropOldRuns(block: number): void {
    const { Type, Count } = this.#job
    const old = Math.floor(block - Math.max(KEPT_RUNS, 4 * Count) / RUN_BLOCK)
    if (old < 0 || Type === 'batch' || Type === 'ops') return
    const lives = [...this.#active.values()].some(({ ordinal }) => Math.floor(ordinal / RUN_BLOCK) === old)
    if (!lives) this.#writes.push(clear('execution', runKeys(this.key, old)))
  }
}
