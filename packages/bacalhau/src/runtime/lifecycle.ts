/** Something that holds a resource (socket, thread, timer, file) until it is stopped. Stopping twice is harmless. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Owns resources in the order in which they were acquired and releases them in reverse. Every release runs, also when an
 * earlier one failed; the first failure is thrown at the end.
 */
export class Scope implements Stoppable {
  readonly #releases: (() => Promise<void> | void)[] = []
  #stopping: Promise<void> | undefined

  /** Registers a release. What is acquired after `stop()` has begun is released as well, as soon as that is possible. */
  defer(release: () => Promise<void> | void): void {
    this.#releases.push(release)
    if (this.#stopping === undefined) return
    this.#stopping = this.#releaseAll(this.#stopping)
    // Whoever asks next hears of a failure; nobody has to ask.
    this.#stopping.catch(() => {})
  }

  /** Registers a resource and hands it back. */
  own<T extends Stoppable>(resource: T): T {
    this.defer(() => resource.stop())
    return resource
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#releaseAll(Promise.resolve())
    return this.#stopping
  }

  async #releaseAll(earlier: Promise<void>): Promise<void> {
    const failures: unknown[] = []
    const attempt = async (release: () => Promise<void> | void) => {
      try {
        await release()
      } catch (error) {
        failures.push(error)
      }
    }
    await attempt(() => earlier)
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      await attempt(release)
    }
    if (failures.length > 0) throw failures[0]
  }
}
