/** Something that holds a resource (socket, thread, timer, file) until it is stopped. Stopping twice is harmless. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Owns resources in the order in which they were acquired and releases them in reverse. Every release runs, also when an
 * earlier one failed; the first failure is thrown at the end.
 */
export class Scope implements Stoppable {
  #releases: (() => Promise<void> | void)[] = []
  #stopping: Promise<void> | undefined

  /** Registers a release. After `stop()` has begun it runs at once. */
  defer(release: () => Promise<void> | void): void {
    if (this.#stopping === undefined) this.#releases.push(release)
    else this.#stopping = this.#stopping.then(release)
  }

  /** Registers a resource and hands it back. */
  own<T extends Stoppable>(resource: T): T {
    this.defer(() => resource.stop())
    return resource
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#releaseAll()
    return this.#stopping
  }

  async #releaseAll(): Promise<void> {
    const failures: unknown[] = []
    for (const release of this.#releases.reverse()) {
      try {
        await release()
      } catch (error) {
        failures.push(error)
      }
    }
    this.#releases = []
    if (failures.length > 0) throw failures[0]
  }
}
