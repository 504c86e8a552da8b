import { abortable } from '../runtime/abort.ts'

/** Wakes those who wait for a change of a job. */
export class JobWatch {
  readonly #waiting = new Map<string, Set<() => void>>()

  /**
   * Looks now, and after every change of the job, until `look` gives something. No change is missed, also not one that happens
   * during a look. Rejects with the signal's reason when it aborts first.
   */
  async until<T>(jobId: string, look: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted()
      const { changed, leave } = this.#enter(jobId)
      try {
        const found = await look()
        if (found !== undefined) return found
        await abortable(changed, signal)
      } finally {
        leave()
      }
    }
  }

  changed(jobId: string): void {
    for (const wake of this.#waiting.get(jobId) ?? []) wake()
  }

  /** Jobs that somebody waits for. */
  get size(): number {
    return this.#waiting.size
  }

  #enter(jobId: string): { changed: Promise<void>; leave: () => void } {
    const { promise: changed, resolve: wake } = Promise.withResolvers<void>()
    const waiting = this.#waiting.get(jobId) ?? new Set()
    this.#waiting.set(jobId, waiting)
    waiting.add(wake)
    const leave = () => {
      waiting.delete(wake)
      if (waiting.size === 0 && this.#waiting.get(jobId) === waiting) this.#waiting.delete(jobId)
    }
    return { changed, leave }
  }
}
