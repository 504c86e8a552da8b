import type { JobHistory } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { Ring } from './change-ring.ts'
import type { Change, ChangesQuery, JobChange } from './change.ts'
import { Sleepers } from './sleepers.ts'

/** Changes that are looked at in one go, and events that are told in one go: bounds what waits for a slow reader. */
const [BATCH, EVENTS] = [256, 100]

export interface JobFeedOptions {
  readonly clock: Clock
  /** Events of a job with numbers above `after`, oldest first, at most `limit`. */
  readonly history: (change: JobChange, after: number, limit: number) => Promise<readonly JobHistory[]>
}

interface Entry extends JobChange {
  readonly change: Extract<Change, { kind: 'job' }>
}

/**
 * Tells any number of readers which jobs have changed. The last `LIMITS.feedChanges` changes are kept, once for all readers; a
 * reader is a position among them. One that reads slowly gets what it has missed as the newest state of each job, and one that
 * falls behind farther than that is told so. Cursors hold as long as the process.
 */
export class JobFeed {
  readonly #history: JobFeedOptions['history']
  readonly #run: string
  readonly #ring: Ring<Entry>
  readonly #sleepers: Sleepers
  /** What those are told who have read up to `position`, wherever that is for most of them. */
  #told: { readonly position: number; readonly last: number; readonly changes: readonly Change[] } | undefined
  /** Nobody can resume before somebody has read: until then nothing is kept. */
  #used = false

  constructor({ clock, history }: JobFeedOptions, capacity: number = LIMITS.feedChanges) {
    this.#history = history
    // No two runs of an orchestrator begin in the same millisecond.
    this.#run = clock.now().toString(36)
    this.#ring = new Ring(capacity)
    this.#sleepers = new Sleepers(clock, LIMITS.feedPause)
  }

  /** Those who wait for a change at this moment. */
  get waiting(): number {
    return this.#sleepers.size
  }

  /** Is there a reason to say what changes? */
  get isUsed(): boolean {
    return this.#used
  }

  publish(change: JobChange): void {
    if (!this.#used) return
    const cursor = this.#cursor(this.#ring.last + 1)
    this.#ring.push({ ...change, change: { kind: 'job', cursor, event: change.event } })
    this.#sleepers.wake()
  }

  /**
   * What changes from now on, or has changed since `query.after`, many at a time. When there is nothing to tell for
   * `LIMITS.eventBeat`, it gives nothing at all, as a sign of life. Ends by throwing the reason of `signal`.
   */
  async *changes(query: ChangesQuery, signal: AbortSignal): AsyncGenerator<readonly Change[]> {
    this.#used = true
    const wants = filterOf(query)
    const resumed = query.after === undefined ? this.#ring.last : this.#positionOf(query.after)
    let position = resumed ?? Number.NEGATIVE_INFINITY
    yield [resumed === undefined ? { kind: 'ready' } : { kind: 'ready', cursor: this.#cursor(resumed) }]
    for (;;) {
      signal.throwIfAborted()
      const entries = this.#ring.after(position, BATCH)
      if (entries === undefined) {
        position = this.#ring.last
        yield [{ kind: 'reset', cursor: this.#cursor(position) }]
      } else if (entries.length === 0) {
        // A reader who has to show that he is alive can do so.
        if (!(await this.#sleepers.sleep(LIMITS.eventBeat, signal))) yield []
      } else {
        const wanted = wants === undefined ? entries : entries.filter(wants)
        if (query.history === true) yield* this.#withHistory(newest(wanted))
        else yield wants === undefined ? this.#toAll(position, entries) : visibleChanges(wanted)
        position += entries.length
      }
    }
  }

  /** The changes for readers of all jobs, made once for those who are equally far. */
  #toAll(position: number, entries: readonly Entry[]): readonly Change[] {
    const { last } = this.#ring
    if (this.#told?.position !== position || this.#told.last !== last) {
      this.#told = { position, last, changes: visibleChanges(entries) }
    }
    return this.#told.changes
  }

  async *#withHistory(entries: readonly Entry[]): AsyncGenerator<readonly Change[]> {
    for (const entry of entries) {
      for (let after = entry.after; after < entry.upTo;) {
        const events = await this.#history(entry, after, Math.min(EVENTS, entry.upTo - after))
        if (events.length === 0) break
        after = events.at(-1)?.SeqNum ?? entry.upTo
        yield events.map((event) => ({ kind: 'history', event }))
      }
      // With the cursor, so that the events are not told again; the same state twice does no harm.
      yield [entry.change]
    }
  }

  #cursor(position: number): string {
    return `${this.#run}-${position.toString(36)}`
  }

  /** Undefined for a cursor of another run, or of nobody. */
  #positionOf(cursor: string): number | undefined {
    const [run, position = ''] = cursor.split('-')
    return run === this.#run && /^[\da-z]{1,10}$/.test(position) ? Number.parseInt(position, 36) : undefined
  }
}

function filterOf({ namespaces, jobIds }: ChangesQuery): ((change: JobChange) => boolean) | undefined {
  if (namespaces === undefined && jobIds === undefined) return undefined
  const [inNamespaces, ids] = [namespaces && new Set(namespaces), jobIds && new Set(jobIds)]
  return ({ event }) => (inNamespaces?.has(event.Namespace) ?? true) && (ids?.has(event.JobID) ?? true)
}

const visibleChanges = (entries: readonly Entry[]): readonly Change[] =>
  newest(entries)
    .filter(({ visible }) => visible)
    .map(({ change }) => change)

/** Of each job the newest entry, with the events of all, in the order of the newest. */
function newest(entries: readonly Entry[]): Entry[] {
  const found = new Map<string, Entry>()
  for (const entry of entries) {
    const { JobID } = entry.event
    const earlier = found.get(JobID)
    // Anew at the end: a map keeps the place of the first.
    found.delete(JobID)
    found.set(JobID, earlier === undefined ? entry : joined(earlier, entry))
  }
  return [...found.values()]
}

const joined = (earlier: Entry, later: Entry): Entry => ({
  ...later,
  after: Math.min(earlier.after, later.after),
  upTo: Math.max(earlier.upTo, later.upTo),
  visible: earlier.visible || later.visible,
})
