import { abortable } from '../runtime/abort.ts'

/**
 * Runs `work` on each item, at most `limit` at a time, in order of the items. After a failure no more are begun; rejects
 * with the first failure once all that were begun have ended.
 */
export async function forEachParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const failures: unknown[] = []
  async function worker(): Promise<void> {
    for (let next = rest.next(); next.done !== true && failures.length === 0; next = rest.next()) {
      await work(next.value).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: limit }, worker))
  if (failures.length > 0) throw failures[0]
}

/** Lets a few in at a time for each key; the others wait in order. */
export interface Turnstile {
  /** Resolves to a function that leaves again. Rejects when `signal` aborts before it is our turn. */
  enter(key: string, signal: AbortSignal): Promise<() => void>
}

export function createTurnstile(limit: number): Turnstile {
  const inside = new Map<string, number>()
  const queues = new Map<string, (() => void)[]>()

  function leave(key: string): void {
    const next = queues.get(key)?.shift()
    if (next !== undefined) return next()
    const left = (inside.get(key) ?? 1) - 1
    if (left > 0) inside.set(key, left)
    else inside.delete(key)
  }

  function wait(key: string, signal: AbortSignal): Promise<void> {
    const queue = queues.get(key) ?? []
    queues.set(key, queue)
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp)
        if (queue.length === 0) queues.delete(key)
        resolve()
      }
      const giveUp = () => {
        queue.splice(queue.indexOf(enter), 1)
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
      }
      queue.push(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  return {
    async enter(key, signal) {
      signal.throwIfAborted()
      const present = inside.get(key) ?? 0
      if (present < limit) inside.set(key, present + 1)
      else await wait(key, signal)
      let left = false
      return () => {
        if (!left) leave(key)
        left = true
      }
    },
  }
}

/** Work that several callers want at the same time is done once. */
export interface Flights<T> {
  /**
   * Joins the work under way for `key`, or begins it. A caller that aborts leaves; the work itself is aborted when the last
   * one has left.
   */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

interface Flight<T> {
  readonly result: Promise<T>
  readonly controller: AbortController
  passengers: number
}

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>()

  function begin(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const result = work(controller.signal).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    const flight: Flight<T> = { result, controller, passengers: 0 }
    flights.set(key, flight)
    return flight
  }

  return {
    async join(key, signal, work) {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? begin(key, work)
      flight.passengers += 1
      try {
        return await abortable(flight.result, signal)
      } finally {
        flight.passengers -= 1
        if (flight.passengers === 0) {
          flights.delete(key)
          flight.controller.abort(signal.reason)
        }
      }
    },
  }
}

/** Knows which work is under way, so that a stop can wait for it. */
export function createTracker() {
  const underWay = new Set<Promise<unknown>>()
  return {
    track<T>(work: Promise<T>): Promise<T> {
      underWay.add(work)
      const forget = () => underWay.delete(work)
      work.then(forget, forget)
      return work
    },
    settled: async (): Promise<void> => {
      await Promise.allSettled(underWay)
    },
  }
}
