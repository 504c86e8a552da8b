import { BacalhauError } from '../../../runtime/error.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { allRows } from '../../../store/all-rows.ts'
import { ChangedRows } from '../../../store/changed-rows.ts'
import type { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import { type GoState, type Phase, type Taken, takenSchema } from './taken.ts'

export interface Entry {
  readonly executionId: string
  readonly taken: Taken
  /** Running or publishing, as our compute node says; it is told again after a restart. */
  active: 'Running' | 'Publishing' | undefined
  /** Has this process offered it to our compute node? */
  offered?: boolean
  /** How it has ended, while its requester is being told: nothing changes that any more. */
  end?: GoState
  /** Settles when its requester has been told, or cannot be. */
  told?: Promise<boolean>
}

/** Ends of executions that are remembered, to answer as the Go program would. */
const REMEMBERED = 10_000

/** What Go requesters have asked of this node and is not settled: durable, and all of it in memory. */
export class TakenTable {
  readonly #rows: ChangedRows
  readonly #entries = new Map<string, Entry>()
  readonly #ended = new Map<string, { readonly requester: string; readonly state: GoState }>()

  constructor(journal: Pick<Journal, 'record'>) {
    this.#rows = new ChangedRows(
      'go-taken',
      (id) => this.#entries.get(id)?.taken,
      (rows) => journal.record(rows),
    )
  }

  async load(store: Pick<Store, 'range'>, logger: Logger): Promise<void> {
    for await (const { key, value } of allRows(store, 'go-taken')) {
      const taken = takenSchema.safeParse(value)
      if (taken.success) this.#entries.set(key, { executionId: key, taken: taken.data, active: undefined })
      else {
        logger.warn({ executionId: key }, 'what was kept of an execution of a Go requester cannot be read')
        this.#rows.note(key)
      }
    }
  }

  get size(): number {
    return this.#entries.size
  }

  /** Bytes of the jobs that are kept, more or less: modules and other data within them are what counts. */
  weight(): number {
    return this.all().reduce((total, { taken }) => total + (taken.offer === undefined ? 0 : weightOf(taken.offer)), 0)
  }

  get(executionId: string): Entry | undefined {
    return this.#entries.get(executionId)
  }

  /** The entry, if it is this requester's. */
  of(requester: string, executionId: string): Entry | undefined {
    const entry = this.#entries.get(executionId)
    return entry?.taken.requester === requester ? entry : undefined
  }

  all(requester?: string): Entry[] {
    const entries = [...this.#entries.values()]
    return requester === undefined ? entries : entries.filter(({ taken }) => taken.requester === requester)
  }

  requesters(): string[] {
    return [...new Set(this.all().map(({ taken }) => taken.requester))]
  }

  add(executionId: string, taken: Taken): Entry {
    const entry: Entry = { executionId, taken, active: undefined }
    this.#entries.set(executionId, entry)
    this.#rows.note(executionId)
    return entry
  }

  /** Goes on to `phase`. Gives the entry as it is now. */
  move(entry: Entry, phase: Phase, changes: Partial<Pick<Taken, 'refusal' | 'result'>> = {}): Entry {
    const { offer, ...rest } = { ...entry.taken, ...changes, phase }
    // The job may be large, and our compute node keeps it from then on.
    const needed = phase === 'asked' || phase === 'bid' || phase === 'ordered'
    const taken = needed && offer !== undefined ? { ...rest, offer } : rest
    const moved = { ...entry, taken }
    this.#entries.set(entry.executionId, moved)
    this.#rows.note(entry.executionId)
    return moved
  }

  /** It has never been taken. */
  forget({ executionId }: Entry): void {
    if (this.#entries.delete(executionId)) this.#rows.note(executionId)
  }

  end({ executionId, taken }: Entry, state: GoState): void {
    if (!this.#entries.delete(executionId)) return
    this.#ended.set(executionId, { requester: taken.requester, state })
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > REMEMBERED && oldest !== undefined) this.#ended.delete(oldest)
    this.#rows.note(executionId)
  }

  /** The state of an execution of this requester in Go's words; undefined when it is not known. */
  stateOf(requester: string, executionId: string): GoState | undefined {
    const entry = this.of(requester, executionId)
    if (entry !== undefined) return inGo(entry)
    const ended = this.#ended.get(executionId)
    return ended?.requester === requester ? ended.state : undefined
  }

  /** The same; throws `NotFound` in the words of the Go program. */
  knownState(requester: string, executionId: string): GoState {
    const state = this.stateOf(requester, executionId)
    if (state === undefined) throw new BacalhauError('NotFound', `execution not found: ${executionId}`)
    return state
  }

  /** The entry, if it is this requester's and in this state. Throws `NotFound` and `BadRequest` in the words of the Go program. */
  expect(requester: string, executionId: string, state: GoState, phase?: Phase): Entry {
    const entry = this.of(requester, executionId)
    const found = this.knownState(requester, executionId)
    if (entry === undefined || found !== state || (phase !== undefined && entry.taken.phase !== phase))
      throw new BacalhauError(
        'BadRequest',
        `execution ${executionId} is in state ${found} but expected one of [${state}]`,
      )
    return entry
  }
}

/** Of a job without data. */
const BARE = 4_096

function weightOf({ job }: NonNullable<Taken['offer']>): number {
  const params = job.Tasks.flatMap(({ Engine, InputSources }) => [Engine, ...InputSources.map(({ Source }) => Source)])
  const texts = params.flatMap(({ Params = {} }) => Object.values(Params)).filter((value) => typeof value === 'string')
  return texts.reduce((total, { length }) => total + length, BARE)
}

function inGo({ taken: { phase }, active, end }: Entry): GoState {
  if (end !== undefined) return end
  switch (phase) {
    case 'asked':
    case 'bid':
      return 'Created'
    case 'ordered':
    case 'held':
      return active ?? 'BidAccepted'
    case 'dropped':
      return 'Cancelled'
    case 'proposed':
      return 'Publishing'
    case 'published':
      return 'Completed'
  }
}
