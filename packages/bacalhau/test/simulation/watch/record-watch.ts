import {
  canExecutionBecome,
  canJobBecome,
  EXECUTION_STATES,
  isFinalExecutionState,
  isFinalJobState,
  type Job,
  type JobHistory,
  type JobState,
} from '@bacalhau/models'
import { unpackRow } from '../../../src/orchestrator/history.ts'
import type { JobRow } from '../../../src/orchestrator/job-records.ts'
import type { Run } from '../../../src/orchestrator/run.ts'
import type { Write } from '../../../src/store/store.ts'
import { Violation } from '../world/violation.ts'

type HistoryRow = Parameters<typeof unpackRow>[1]

/** What has been seen of a job on the disk of the orchestrator. */
export interface SeenJob {
  readonly key: string
  job: Job
  /** Number of the last event. */
  sequence: number
  /** Executions by the key of their row. */
  readonly runs: Map<string, Run>
}

/** What one unit says of one job. */
interface Part {
  job?: JobRow
  readonly runs: (readonly [string, Run])[]
  readonly events: JobHistory[]
}

/**
 * Watches what becomes durable at the orchestrator, unit by unit, and holds it against the rules of jobs and executions. The
 * history is replayed: whatever is visible in a state must follow from the events, one move of the state machine after the other.
 */
export class RecordWatch {
  readonly jobs = new Map<string, SeenJob>()
  /** Keys of jobs that have been removed, by id. */
  readonly deleted = new Map<string, string>()
  /** Executions that have not ended, by node, then by id. */
  readonly promised = new Map<string, Map<string, Run>>()
  /** Durable moves of jobs and executions so far. */
  moves = 0
  #touched = new Set<string>()
  readonly #byKey = new Map<string, SeenJob>()
  readonly #completed = new Set<string>()
  readonly #onViolation: (violation: Violation) => void
  readonly #note: (text: string) => void

  constructor(onViolation: (violation: Violation) => void, note: (text: string) => void = () => undefined) {
    this.#onViolation = onViolation
    this.#note = note
  }

  /** A unit has become durable. */
  onUnit(writes: readonly Write[]): void {
    for (const [key, part] of this.#split(writes)) this.#take(key, part)
  }

  /** Nodes of which something was promised or taken back since the last call. */
  takeTouched(): ReadonlySet<string> {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  /** The disk was lost or set back: begins anew with what is there. */
  forget(): void {
    this.jobs.clear()
    this.deleted.clear()
    this.promised.clear()
    this.#byKey.clear()
    this.#completed.clear()
  }

  /** Takes what a disk holds for granted. */
  load(rows: readonly Write[]): void {
    for (const [key, { job, runs, events }] of this.#split(rows)) {
      if (job === undefined) continue
      const sequence = events.reduce((most, { SeqNum }) => Math.max(most, SeqNum), 0)
      const seen: SeenJob = { key, job: job.job, sequence, runs: new Map(runs) }
      this.#add(seen)
      for (const [, run] of runs) this.#count(seen.job, run)
    }
  }

  #split(writes: readonly Write[]): Map<string, Part> {
    const parts = new Map<string, Part>()
    const partOf = (key: string): Part => {
      const part = parts.get(key) ?? { runs: [], events: [] }
      parts.set(key, part)
      return part
    }
    for (const write of writes) {
      if (write.op !== 'put') {
        if (write.table === 'job') this.#deleted(write)
        continue
      }
      if (write.table === 'job') {
        const row = write.value as JobRow
        partOf(row.key).job = row
      } else if (write.table === 'execution') {
        partOf(jobKeyOf(write.key)).runs.push([write.key, write.value as Run])
      } else if (write.table === 'history') {
        partOf(jobKeyOf(write.key)).events.push(...unpackRow('', write.value as HistoryRow))
      }
    }
    return parts
  }

  #take(key: string, part: Part): void {
    const known = this.#byKey.get(key)
    const seen = known ?? this.#begin(key, part)
    if (seen === undefined) return
    const before = seen.job
    this.#checkEvents(seen, part)
    this.#replay(seen, known === undefined ? undefined : before, part)
    if (part.job !== undefined) {
      if (known !== undefined) this.#checkRecord(before, part.job.job)
      seen.job = part.job.job
    }
    for (const [runKey, run] of part.runs)
      this.#takeRun(seen, known === undefined ? undefined : before, runKey, run, part)
  }

  #begin(key: string, { job }: Part): SeenJob | undefined {
    if (job === undefined) {
      this.#fail('every row belongs to a job', `no job has the key ${key}`)
      return undefined
    }
    const seen: SeenJob = { key, job: job.job, sequence: 0, runs: new Map() }
    this.#add(seen)
    return seen
  }

  #add(seen: SeenJob): void {
    this.jobs.set(seen.job.ID, seen)
    this.#byKey.set(seen.key, seen)
  }

  #deleted(write: Exclude<Write, { op: 'put' }>): void {
    if (write.op === 'clear') return this.#fail('jobs are deleted one by one', write.prefix)
    const seen = this.jobs.get(write.key)
    if (seen === undefined) return
    if (!isFinalJobState(seen.job.State.StateType)) this.#fail('no open job is deleted', write.key)
    this.jobs.delete(write.key)
    this.deleted.set(write.key, seen.key)
    this.#byKey.delete(seen.key)
  }

  #checkEvents(seen: SeenJob, { events }: Part): void {
    for (const { SeqNum } of events) {
      if (SeqNum !== seen.sequence + 1) {
        this.#fail('events are numbered without a gap', `${seen.job.ID} has #${SeqNum} after #${seen.sequence}`)
      }
      seen.sequence = SeqNum
    }
  }

  /** Follows the events from the state before to the state after. */
  #replay({ job: { ID } }: SeenJob, before: Job | undefined, { job, events }: Part): void {
    let state: JobState = before?.State.StateType ?? 'Undefined'
    let version = before?.Version ?? 0
    for (const { Event, JobVersion, ExecutionID } of events) {
      if (ExecutionID !== undefined) continue
      const next = Event.Details?.['NewState'] as JobState | undefined
      if (next !== undefined) {
        if (!canJobBecome(state, next))
          this.#fail('jobs move as their state machine says', `${ID} from ${state} to ${next}`)
        state = next
      } else if (JobVersion > version) {
        if (JobVersion !== version + 1)
          this.#fail('versions follow each other', `${ID} from ${version} to ${JobVersion}`)
        state = 'Pending'
        version = JobVersion
      }
      this.moves += 1
      this.#note(`${ID.slice(0, 8)} v${version} ${state}: ${Event.Message.slice(0, 100)}`)
    }
    const after = job?.job ?? before
    if (after === undefined) return
    if (after.State.StateType !== state || after.Version !== version) {
      const shown = `${after.State.StateType} of version ${after.Version}`
      this.#fail('nothing is visible without an event', `${ID} is ${shown}, its events say ${state} of ${version}`)
    }
  }

  #checkRecord(before: Job, after: Job): void {
    if (after.Revision < before.Revision)
      this.#fail('revisions grow', `${after.ID} from ${before.Revision} to ${after.Revision}`)
    if (after.Version !== before.Version) return
    const same =
      JSON.stringify([before.Tasks, before.Count, before.Priority]) ===
      JSON.stringify([after.Tasks, after.Count, after.Priority])
    if (!same) this.#fail('the spec of a version never changes', after.ID)
    if (isFinalJobState(before.State.StateType) && JSON.stringify(before.State) !== JSON.stringify(after.State)) {
      this.#fail(
        'final states never change',
        `${after.ID}: ${before.State.StateType}, then ${JSON.stringify(after.State)}`,
      )
    }
  }

  #takeRun(seen: SeenJob, before: Job | undefined, key: string, run: Run, { events }: Part): void {
    const known = seen.runs.get(key)
    const moved = known?.state !== run.state
    if (known !== undefined && moved && !canExecutionBecome(known.state, run.state)) {
      this.#fail('executions move as their state machine says', `${run.id} from ${known.state} to ${run.state}`)
    }
    if (known !== undefined && isFinalExecutionState(known.state) && JSON.stringify(known) !== JSON.stringify(run)) {
      this.#fail('final states never change', `execution ${run.id} after ${known.state}`)
    }
    if (moved && !events.some(({ ExecutionID }) => ExecutionID === run.id)) {
      this.#fail('nothing is visible without an event', `execution ${run.id} became ${run.state}`)
    }
    if (moved) {
      this.moves += 1
      this.#note(
        `${seen.job.ID.slice(0, 8)} ${run.id.slice(0, 8)}:${run.partition} at ${run.node} ${run.state} ${run.message ?? ''}`,
      )
    }
    if (moved && run.state === EXECUTION_STATES.Completed) this.#accept(seen.job, before, run)
    seen.runs.set(key, run)
    this.#count(seen.job, run)
  }

  /** A result is accepted. */
  #accept(job: Job, before: Job | undefined, run: Run): void {
    const what = `${run.id}, partition ${run.partition} of version ${run.version} of ${job.ID}`
    if (before !== undefined && run.version < before.Version)
      this.#fail('no result of an old version is accepted', what)
    if (before?.Version === run.version && isFinalJobState(before.State.StateType)) {
      this.#fail('no result is accepted after the end', what)
    }
    if (this.#completed.has(resultKey(job, run))) this.#fail('a result is accepted once', what)
  }

  #count(job: Job, run: Run): void {
    if (run.state === EXECUTION_STATES.Completed) this.#completed.add(resultKey(job, run))
    const runs = this.promised.get(run.node) ?? new Map<string, Run>()
    this.promised.set(run.node, runs)
    this.#touched.add(run.node)
    if (isFinalExecutionState(run.state)) runs.delete(run.id)
    else runs.set(run.id, run)
  }

  #fail(invariant: string, details: string): void {
    this.#onViolation(new Violation(invariant, details))
  }
}

const jobKeyOf = (key: string): string => key.slice(0, key.indexOf('/'))

/** What may be completed once. */
function resultKey({ ID, Type }: Job, { version, partition, node }: Run): string {
  return `${ID}/${version}/${Type === 'ops' || Type === 'daemon' ? node : partition}`
}
