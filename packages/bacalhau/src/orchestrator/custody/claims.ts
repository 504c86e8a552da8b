import type { KeptRow } from './kept-row.ts'

/** A result that is being fetched, or next to be. */
export interface Claim {
  readonly jobId: string
  readonly key: string
  readonly row: KeptRow
  readonly abort: AbortController
  /** Settles when the fetch under way has ended. */
  done?: Promise<void>
}

/** Claims in memory, by key and by job, and the order in which those that wait come to their turn. */
export class Claims {
  readonly #byKey = new Map<string, Claim>()
  readonly #byJob = new Map<string, Set<Claim>>()
  readonly #queue = new Set<Claim>()
  #forgotten = 0

  get size(): number {
    return this.#byKey.size
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** How many have been forgotten so far. */
  get forgotten(): number {
    return this.#forgotten
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  add(jobId: string, key: string, row: KeptRow): Claim {
    const claim: Claim = { jobId, key, row, abort: new AbortController() }
    this.#byKey.set(key, claim)
    const siblings = this.#byJob.get(jobId) ?? new Set()
    this.#byJob.set(jobId, siblings.add(claim))
    return claim
  }

  enqueue(claim: Claim): void {
    this.#queue.add(claim)
  }

  next(): Claim | undefined {
    const [claim] = this.#queue
    if (claim !== undefined) this.#queue.delete(claim)
    return claim
  }

  forget(claim: Claim): void {
    this.#forgotten += 1
    this.#queue.delete(claim)
    if (this.#byKey.get(claim.key) === claim) this.#byKey.delete(claim.key)
    const siblings = this.#byJob.get(claim.jobId)
    siblings?.delete(claim)
    if (siblings?.size === 0) this.#byJob.delete(claim.jobId)
  }

  /** Ends those of a job, or all. */
  abort(jobId?: string): void {
    const claims = jobId === undefined ? this.#byKey.values() : (this.#byJob.get(jobId) ?? [])
    for (const { abort } of claims) abort.abort(new Error('the result is no longer wanted'))
  }

  /** Resolves when nothing of the job is being fetched. */
  async ended(jobId: string): Promise<void> {
    for (const { done } of this.#byJob.get(jobId) ?? []) await done
  }
}
