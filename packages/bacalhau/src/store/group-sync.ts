interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Makes what has been written durable: one sync at a time, and each acknowledges everything that was written before it began
 * (group commit). Writing goes on while a sync is under way; what comes in meanwhile is for the next one.
 *
 * A sync that fails is final. The kernel may have thrown away the pages that it could not write and call the next sync a
 * success, so nothing that was not acknowledged before can be believed.
 */
export interface GroupSync {
  /** Something has just been written; `waiter` learns when it is durable. */
  wrote(waiter: Waiter): void
  /** Resolves when everything that was written until now is durable. */
  settled(): Promise<void>
  /** Declares that something was lost: everything that waits, and all that comes, is rejected with `error`. */
  fail(error: unknown): void
  /** Throws what `fail` was called with. */
  assertSound(): void
}

export function createGroupSync(sync: () => Promise<void>, failureOf: (cause: unknown) => Error): GroupSync {
  let current: Waiter[] = []
  let next: Waiter[] = []
  let failure: Error | undefined

  function start(): void {
    current = next
    next = []
    sync().then(finish, fail)
  }

  function finish(): void {
    if (failure !== undefined) return
    const durable = current
    current = []
    // First, so that the disk is at work while those who waited are.
    if (next.length > 0) start()
    for (const waiter of durable) waiter.resolve()
  }

  function fail(cause: unknown): void {
    failure ??= failureOf(cause)
    const lost = [...current, ...next]
    current = []
    next = []
    for (const waiter of lost) waiter.reject(failure)
  }

  function assertSound(): void {
    if (failure !== undefined) throw failure
  }

  return {
    wrote(waiter) {
      if (failure !== undefined) return waiter.reject(failure)
      next.push(waiter)
      if (current.length === 0) start()
    },
    async settled() {
      assertSound()
      // What is visible now was written before `next` began, if nothing is in it.
      const group = next.length > 0 ? next : current
      if (group.length > 0) await new Promise<void>((resolve, reject) => group.push({ resolve, reject }))
    },
    fail,
    assertSound,
  }
}
