import { EXECUTION_STATES, type HeldExecution } from '@bacalhau/models'
import type { Clock } from '../../../runtime/clock.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { allRows } from '../../../store/all-rows.ts'
import { ChangedRows } from '../../../store/changed-rows.ts'
import type { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import type { GoRun } from '../jobs/write-parts.ts'
import { type Asked, askedSchema, type Phase } from './asked.ts'

/** What an ask is made of. Only until it has been answered, and not kept: it may be large. */
export type AskSource = Pick<GoRun, 'job' | 'partition' | 'resources'>

export interface Entry {
  asked: Asked
  source: AskSource | undefined
  /** When something was heard of it, in monotonic milliseconds. */
  heard: number
}

export interface AskedTableOptions {
  readonly journal: Pick<Journal, 'record'>
  readonly clock: Clock
}

/** What is out at nodes of the Go program, which do not tell it again: kept durably, all of it in memory. */
export class AskedTable {
  readonly #options: AskedTableOptions
  readonly #entries = new Map<string, Entry>()
  readonly #byPeer = new Map<string, Set<string>>()
  readonly #rows: ChangedRows

  constructor(options: AskedTableOptions) {
    this.#options = options
    const { journal } = options
    this.#rows = new ChangedRows(
      'go-asked',
      (id) => this.#entries.get(id)?.asked,
      (rows) => journal.record(rows),
    )
  }

  async load(store: Pick<Store, 'range'>, logger: Logger): Promise<void> {
    for await (const { key, value } of allRows(store, 'go-asked')) {
      const asked = askedSchema.safeParse(value)
      if (asked.success) this.#put(key, asked.data, undefined)
      else logger.warn({ executionId: key }, 'what was kept of an execution on a Go node cannot be read')
    }
  }

  get(executionId: string): Entry | undefined {
    return this.#entries.get(executionId)
  }

  /** Nodes that have something of ours. */
  peers(): readonly string[] {
    return [...this.#byPeer.keys()]
  }

  of(peer: string): readonly (readonly [string, Entry])[] {
    return [...(this.#byPeer.get(peer) ?? [])].flatMap((id) => {
      const entry = this.#entries.get(id)
      return entry === undefined ? [] : [[id, entry] as const]
    })
  }

  add(executionId: string, asked: Asked, source: AskSource): void {
    this.#put(executionId, asked, source)
    this.#rows.note(executionId)
  }

  /** Undefined: nothing of it needs to be known any more. */
  set(executionId: string, asked: Asked | undefined): void {
    const entry = this.#entries.get(executionId)
    if (entry === undefined || asked === entry.asked) return
    if (asked === undefined) {
      this.#entries.delete(executionId)
      const ids = this.#byPeer.get(entry.asked.peer)
      ids?.delete(executionId)
      if (ids?.size === 0) this.#byPeer.delete(entry.asked.peer)
    } else {
      entry.asked = asked
      if (asked.phase !== 'asking') entry.source = undefined
    }
    this.#rows.note(executionId)
  }

  /** What a compute node would say that it knows of. */
  held(peer: string): HeldExecution[] {
    return this.of(peer).flatMap(([executionId, { asked }]) => {
      const state = stateOf(asked)
      return state === undefined ? [] : [{ executionId, state }]
    })
  }

  #put(executionId: string, asked: Asked, source: AskSource | undefined): void {
    this.#entries.set(executionId, { asked, source, heard: this.#options.clock.monotonic() })
    const ids = this.#byPeer.get(asked.peer) ?? new Set()
    this.#byPeer.set(asked.peer, ids.add(executionId))
  }
}

const { AskForBid, AskForBidAccepted, Running, Publishing, Completed, Failed, Cancelled } = EXECUTION_STATES

/** Nobody knows whether an ask that a stop of this node interrupted has arrived; it is left to be made anew. */
const STATES: Readonly<Record<Exclude<Phase, 'over'>, number | undefined>> = {
  asking: undefined,
  bidding: AskForBid,
  accepting: AskForBidAccepted,
  running: Running,
  publishing: Publishing,
  stopping: undefined,
}

function stateOf({ phase, report }: Asked): number | undefined {
  if (phase !== 'over') return STATES[phase]
  switch (report?.type) {
    case 'completed':
      return Completed
    case 'failed':
      return Failed
    case 'cancelled':
      return Cancelled
    default:
      // Refused; the report of it comes again.
      return AskForBid
  }
}
