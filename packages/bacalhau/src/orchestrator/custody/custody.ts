import type { Execution, Job } from '@bacalhau/models'
import { createTracker } from '../../content/parallel.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { isBacalhauError, messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import { allRows } from '../../store/all-rows.ts'
import type { Journal, Recorded } from '../../store/journal.ts'
import { clear, put, remove, type Store, type Write } from '../../store/store.ts'
import { Claims, type Claim } from './claims.ts'
import { cidOf, GONE, keyOf, type KeptRow, OPEN, pinOf, readRow } from './kept-row.ts'
import type { ResultKeeper } from './result-keeper.ts'

export interface CustodyOptions {
  readonly store: Pick<Store, 'range'>
  readonly journal: Pick<Journal, 'record' | 'after'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly keeper: ResultKeeper
  /** Bytes of the largest result that is kept; 0 keeps none. */
  readonly limit: number
  /** How many are held in memory; `LIMITS.keptWaiting` if not given. */
  readonly inMemory?: number
}

/**
 * Sees to it that results outlive the nodes that made them: what an execution published in IPFS is fetched in the background
 * and kept until the job's record goes. The intent is part of the unit in which the execution completed, so no crash forgets
 * it; a try that fails is repeated with growing pauses, for a day.
 */
export interface Custody extends Stoppable {
  /** An execution has completed at `nodeId`. Belongs to the present unit; does nothing for results that are not in IPFS. */
  noteCompleted(job: Pick<Job, 'ID'>, execution: Pick<Execution, 'ID' | 'PublishedResult'>, nodeId: string): void
  /** The job's record is being removed, in the present unit. */
  drop(jobId: string): void
}

/** Results that are fetched at the same time. */
const AT_ONCE = 4
/** Rows that one look into the store takes. */
const PAGE = 500
/** The first pause and the longest one, before each is spread by half; the least time between two looks. Milliseconds. */
const FIRST_PAUSE = 2_000
const LONGEST_PAUSE = 60 * 60_000
const LOOK_PAUSE = 5_000

/** Takes up what a former process left undone. */
export async function createCustody(options: CustodyOptions): Promise<Custody> {
  const custody = new ResultCustody(options)
  await custody.recover()
  return custody
}

class ResultCustody implements Custody, Recorded {
  readonly #options: CustodyOptions
  /** What is being fetched or next to be; all else waits in the store. */
  readonly #claims = new Claims()
  /** Jobs whose results are being let go. */
  readonly #gone = new Set<string>()
  readonly #tracker = createTracker()
  #writes: Write[] = []
  #running = 0
  /** The store may hold something that is due and not in memory. */
  #unread: boolean
  #reading = false
  #lastLook = -LOOK_PAUSE
  #wake: { readonly timer: Timer; readonly at: number } | undefined
  #stopped = false

  constructor(options: CustodyOptions) {
    this.#options = options
    this.#unread = options.limit > 0
  }

  async recover(): Promise<void> {
    for await (const { key } of allRows(this.#options.store, 'kept', { prefix: GONE }))
      this.#letGo(key.slice(GONE.length))
    this.#pump()
  }

  noteCompleted(job: Pick<Job, 'ID'>, execution: Pick<Execution, 'ID' | 'PublishedResult'>, nodeId: string): void {
    const { limit, clock, journal } = this.#options
    const cid = cidOf(execution.PublishedResult)
    if (limit === 0 || cid === undefined) return
    const now = clock.now()
    const row: KeptRow = { cid, node: nodeId, state: 'wanted', attempts: 0, bytes: 0, since: now, next: now }
    const key = keyOf(job.ID, execution.ID)
    this.#write(put('kept', OPEN + key, row))
    const claim = this.#full ? undefined : this.#claims.add(job.ID, key, row)
    journal.after(() => {
      if (claim === undefined) this.#unread = true
      else this.#claims.enqueue(claim)
      this.#pump()
    })
  }

  drop(jobId: string): void {
    this.#write(
      clear('kept', `${jobId}/`),
      clear('kept', `${OPEN}${jobId}/`),
      // A crash between the end of the record and that of the pins must not leave the pins for ever.
      put('kept', GONE + jobId, {}),
    )
    this.#gone.add(jobId)
    this.#claims.abort(jobId)
    this.#options.journal.after(() => this.#letGo(jobId))
  }

  get #full(): boolean {
    return this.#claims.size >= (this.#options.inMemory ?? LIMITS.keptWaiting)
  }

  takeWrites(): Write[] {
    const writes = this.#writes
    this.#writes = []
    return writes
  }

  onDurable(): void {}

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake?.timer.cancel()
    this.#claims.abort()
    await this.#tracker.settled()
  }

  #write(...writes: Write[]): void {
    this.#writes.push(...writes)
    this.#options.journal.record(this)
  }

  #pump(): void {
    while (!this.#stopped && this.#running < AT_ONCE) {
      const claim = this.#claims.next()
      if (claim === undefined) break
      claim.done = this.#tracker.track(this.#fetch(claim))
    }
    if (this.#stopped || this.#reading || !this.#unread || this.#claims.waiting > 0 || this.#full) return
    void this.#tracker.track(this.#look())
  }

  /** Never rejects. */
  async #fetch(claim: Claim): Promise<void> {
    const { keeper, limit } = this.#options
    const { jobId, row, abort } = claim
    this.#running += 1
    try {
      abort.signal.throwIfAborted()
      const { bytes } = await keeper.keep(row.cid, row.node, pinOf(jobId), limit, abort.signal)
      if (abort.signal.aborted) this.#claims.forget(claim)
      else this.#end(claim, { state: 'kept', bytes })
    } catch (error) {
      this.#failed(claim, error)
    }
    this.#running -= 1
    this.#pump()
  }

  #failed(claim: Claim, error: unknown): void {
    // Stopped, or of a job that is gone: the store says what there is to do.
    if (claim.abort.signal.aborted) return this.#claims.forget(claim)
    const { clock, random, journal, logger } = this.#options
    const { row, key } = claim
    const reason = messageOf(error).slice(0, LIMITS.message)
    const now = clock.now()
    const hopeless = isBacalhauError(error) && ['ContentTooLarge', 'InvalidCid', 'NotFound'].includes(error.code)
    logger.debug({ result: key, cid: row.cid, node: row.node, reason }, 'a result could not be fetched')
    if (hopeless || now - row.since >= LIMITS.keptFor) return this.#end(claim, { state: 'given-up', reason })
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** row.attempts) * (0.5 + random.next())
    this.#write(put('kept', OPEN + key, { ...row, attempts: row.attempts + 1, next: now + pause, reason }))
    journal.after(() => {
      this.#claims.forget(claim)
      this.#wakeIn(pause)
      this.#pump()
    })
  }

  #end(claim: Claim, outcome: Pick<KeptRow, 'state' | 'reason'> & { bytes?: number }): void {
    const { key, row } = claim
    this.#write(
      remove('kept', OPEN + key),
      put('kept', key, { ...row, attempts: row.attempts + 1, ...outcome } satisfies KeptRow),
    )
    this.#options.journal.after(() => {
      this.#claims.forget(claim)
      this.#pump()
    })
  }

  /** Looks at all that is open, and takes in what is due as far as there is room. */
  async #look(): Promise<void> {
    this.#reading = true
    this.#unread = false
    this.#lastLook = this.#options.clock.monotonic()
    try {
      await this.#takeIn()
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error) }, 'the results to be kept could not be read')
      this.#wakeIn(LONGEST_PAUSE)
    }
    this.#reading = false
    this.#pump()
  }

  async #takeIn(): Promise<void> {
    for (let after: string | undefined; !this.#stopped;) {
      const before = this.#claims.forgotten
      const query = { prefix: OPEN, ...(after === undefined ? {} : { after }), limit: PAGE }
      const rows = await this.#options.store.range('kept', query)
      // What came to its end meanwhile may still be among these rows.
      if (this.#claims.forgotten !== before) continue
      for (const { key, value } of rows) {
        if (this.#full) return void (this.#unread = true)
        this.#consider(key.slice(OPEN.length), readRow(value))
      }
      this.#pump()
      after = rows.at(-1)?.key
      if (rows.length < PAGE) return
    }
  }

  #consider(key: string, row: KeptRow | undefined): void {
    const jobId = key.slice(0, key.indexOf('/'))
    if (row === undefined || this.#claims.has(key) || this.#gone.has(jobId)) return
    const pause = row.next - this.#options.clock.now()
    // A clock that was set back must not put it off for longer than any pause.
    if (pause > 0 && pause <= LONGEST_PAUSE * 2) return this.#wakeIn(pause)
    this.#claims.enqueue(this.#claims.add(jobId, key, row))
  }

  #wakeIn(pause: number): void {
    const { clock } = this.#options
    const at = Math.max(clock.monotonic() + pause, this.#lastLook + LOOK_PAUSE)
    if (this.#stopped || (this.#wake !== undefined && this.#wake.at <= at)) return
    this.#wake?.timer.cancel()
    const timer = clock.after(at - clock.monotonic(), () => {
      this.#wake = undefined
      this.#unread = true
      this.#pump()
    })
    this.#wake = { timer, at }
  }

  #letGo(jobId: string): void {
    this.#gone.add(jobId)
    void this.#tracker.track(this.#release(jobId))
  }

  async #release(jobId: string): Promise<void> {
    const { keeper, journal, logger } = this.#options
    await this.#claims.ended(jobId)
    try {
      await keeper.release(pinOf(jobId))
    } catch (error) {
      logger.warn({ jobId, error: messageOf(error) }, 'results could not be let go; trying again at the next start')
      return
    }
    if (this.#stopped) return
    this.#write(remove('kept', GONE + jobId))
    journal.after(() => this.#gone.delete(jobId))
  }
}
