import type { Job } from '@bacalhau/models'
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Journal } from '../store/journal.ts'
import { clear, put, type Store, type Write } from '../store/store.ts'
import { parseStored } from './job-records.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** What makes a submission count once, however often it is sent. */
export interface Once {
  /** Who submits. Two owners may use the same key. */
  readonly owner: string
  /** A name that the owner gives to the act of submitting. */
  readonly key: string
}

export interface OnceRequest extends Once {
  readonly namespace: string
  /** Of what is submitted: another thing under the same key is a mistake. */
  readonly digest: string
}

const receiptSchema = z.strictObject({
  digest: z.string(),
  job: z.string().min(1),
  version: z.int().positive(),
  type: z.string(),
})
/** What became of a submission. */
export type Receipt = z.infer<typeof receiptSchema>

/**
 * Gives the writes of the receipt of a version, which belong to the unit that makes the version. A unit that is `certain` will
 * be written, however long that takes: its receipt counts from now on.
 */
export type Stamp = (version: Pick<Job, 'ID' | 'Version' | 'Type'>, certain: boolean) => Write[]

/** Receipts are kept in periods of six hours and dropped a period at a time, when they are older than 24 hours. */
const PERIOD = 6 * 60 * 60_000
const PERIODS = 4
const DIGITS = 9

export interface ReceiptsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly journal: Journal
}

/** Remembers for 24 hours, on disk, which submissions were made under a key. */
export class Receipts {
  readonly #options: ReceiptsOptions
  readonly #inTurn = oneAtATime()
  /** Receipts of units that are on their way to the disk. */
  readonly #pending = new Map<string, Receipt>()

  constructor(options: ReceiptsOptions) {
    this.#options = options
  }

  /**
   * Does `first`, which stamps what it makes; or, when that was done before, `again`. Throws `IdempotencyKeyReused` when it was
   * done with something else. What fails leaves no receipt.
   */
  once<T>(
    request: OnceRequest,
    first: (stamp: Stamp) => Promise<T>,
    again: (receipt: Receipt) => Promise<T>,
  ): Promise<T> {
    const { owner, namespace, key, digest } = request
    const id = hash('sha256', [owner, namespace, key].join('\u0000'), 'base64url')
    return this.#inTurn(id, async () => {
      const pending = this.#pending.get(id)
      if (pending !== undefined) await this.#options.journal.flushed()
      const receipt = pending ?? (await this.#find(id))
      if (receipt === undefined) return first(this.#stampOf(id, digest))
      if (receipt.digest === digest) return again(receipt)
      throw new BacalhauError('IdempotencyKeyReused', `the key '${key}' was used for another submission`, {
        component: 'JobStore',
        details: { JobID: receipt.job },
      })
    })
  }

  /** Drops what is older than it need be. */
  async sweep(): Promise<void> {
    const { store } = this.#options
    for (;;) {
      const [oldest] = await store.range('receipt', { limit: 1 })
      const period = oldest?.key.slice(0, DIGITS)
      if (period === undefined || Number(period) >= this.#period() - PERIODS) return
      await store.commit([clear('receipt', `${period}/`)])
    }
  }

  async #find(id: string): Promise<Receipt | undefined> {
    const now = this.#period()
    const keys = Array.from({ length: PERIODS + 1 }, (_, age) => keyOf(now - age, id))
    const found = await Promise.all(keys.map((key) => this.#options.store.get('receipt', key)))
    const newest = found.find((value) => value !== undefined)
    return newest === undefined ? undefined : parseStored(receiptSchema, newest, `receipt ${id}`)
  }

  #stampOf(id: string, digest: string): Stamp {
    return ({ ID, Version, Type }, certain) => {
      const receipt: Receipt = { digest, job: ID, version: Version, type: Type }
      if (certain) {
        this.#pending.set(id, receipt)
        this.#options.journal.after(() => this.#pending.delete(id))
      }
      return [put('receipt', keyOf(this.#period(), id), receipt)]
    }
  }

  #period(): number {
    return Math.max(0, Math.floor(this.#options.clock.now() / PERIOD))
  }
}

const keyOf = (period: number, id: string): string => `${String(Math.max(0, period)).padStart(DIGITS, '0')}/${id}`
