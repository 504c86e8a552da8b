import { EXECUTION_STATES, type HeldExecution } from '@bacalhau/models'
import type { Clock } from '../../../runtime/clock.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Journal, Recorded } from '../../../store/journal.ts'
import { put, remove, type Store, type Write } from '../../../store/store.ts'
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

const PAGE = 1_000

/** What is out at nodes of the Go program, which do not tell it again: kept durably, all of it in memory. */
export class AskedTable implements Recorded {
  readonly #options: AskedTableOptions
  readonly #entries = new Map<string, Entry>()
  readonly #byPeer = new Map<string, Set<string>>()
  #stale = new Set<string>()

  constructor(options: AskedTableOptions) {
    this.#options = options
  }

  async load(store: Pick<Store, 'range'>, logger: Logger): Promise<void> {
    for (let after: string | undefined; ;) {
      const rows = await store.range('go-asked', { ...(after === undefined ? {} : { after }), limit: PAGE })
      for (const { key, value } of rows) {
        const asked = askedSchema.safeParse(value)
        if (asked.success) this.#put(key, asked.data, undefined)
        else logger.warn({ executionId: key }, 'what was kept of an execution on a Go node cannot be read')
      }
      after = rows.at(-1)?.key
      if (rows.length < PAGE) return
    }
  }

  get(executionId: string): Entry | undefined {
    return this.#entries.get(executionId)
  }

  of(peer: string): readonly (readonly [string, Entry])[] {
    return [...(this.#byPeer.get(peer) ?? [])].flatMap((id) => {
      const entry = this.#entries.get(id)
      return entry === undefined ? [] : [[id, entry] as const]
    })
  }

  add(executionId: string, asked: Asked, source: AskSource): void {
    this.#put(executionId, asked, source)
    this.#changed(executionId)
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
    this.#changed(executionId)
  }

  /** What a compute node would say that it knows of. */
  held(peer: string): HeldExecution[] {
    return this.of(peer).flatMap(([executionId, { asked }]) => {
      const state = stateOf(asked)
      return state === undefined ? [] : [{ executionId, state }]
    })
  }

  takeWrites(): Write[] {
    const stale = this.#stale
    this.#stale = new Set()
    return [...stale].map((id) => {
      const entry = this.#entries.get(id)
      return entry === undefined ? remove('go-asked', id) : put('go-asked', id, entry.asked)
    })
  }

  onDurable(): void {}

  #put(executionId: string, asked: Asked, source: AskSource | undefined): void {
    this.#entries.set(executionId, { asked, source, heard: this.#options.clock.monotonic() })
    const ids = this.#byPeer.get(asked.peer) ?? new Set()
    this.#byPeer.set(asked.peer, ids.add(executionId))
  }

  #changed(executionId: string): void {
    this.#stale.add(executionId)
    this.#options.journal.record(this)
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
