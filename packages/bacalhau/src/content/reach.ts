import type { CID } from 'multiformats/cid'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { type Arrivals, whileArriving } from './arrivals.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import type { BlockStore } from './blocks/block-store.ts'
import { formatContentRef } from './cid.ts'
import { createFlights, createTracker } from './parallel.ts'
import { blocksOf, type Selection } from './selection.ts'
import { type FetchContext, type FetchOptions, fetchSelection } from './swarm/fetch.ts'

export interface GetOptions {
  readonly signal?: AbortSignal
  /** Peer IDs that are said to have the content. */
  readonly hints?: readonly string[]
  /** Only from this node. */
  readonly offline?: boolean
  /** Bytes that may be fetched; `LIMITS.contentBytes` if not given. */
  readonly maxBytes?: number
  /** Told how many bytes more have been fetched; not told by a fetch that somebody else has begun. */
  readonly onBytes?: (count: number) => void
}

/** Reads of content that may still have to be fetched. */
export interface Reach extends Stoppable {
  /** Runs `work` on a source of blocks that fetches the whole selection at the first block that is missing. */
  using<T>(selection: Selection, options: GetOptions, work: (source: BlockSource) => Promise<T>): Promise<T>
  /**
   * Like `using`, but `work` gets each block as soon as it has come. What it makes must not count before `settled` says that
   * everything has come and is stored.
   */
  following<T>(selection: Selection, options: GetOptions, work: FollowingWork<T>): Promise<T>
  streaming<T>(
    selection: Selection,
    options: GetOptions,
    work: (source: BlockSource) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined>
  /** Completes what is below `cid` and pins it under `name`. */
  pin(cid: CID, name: string, options: GetOptions): Promise<void>
}

type FollowingWork<T> = (source: BlockSource, settled: () => Promise<void>) => Promise<T>

export interface ReachContext extends FetchContext {
  readonly store: BlockStore
}

export function createReach(context: ReachContext): Reach {
  const { store } = context
  const flights = createFlights<void>()
  const stopping = new AbortController()
  const tracker = createTracker()

  function fetch(selection: Selection, options: GetOptions, arrivals?: Arrivals): Promise<void> {
    const { hints = [], maxBytes = LIMITS.contentBytes, signal, onBytes = () => undefined } = options
    const key = JSON.stringify([formatContentRef(selection), selection.scope, maxBytes])
    const either = signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal])
    return flights.join(key, either, (signal) =>
      tracker.track(fetchInto(selection, { hints, maxBytes, signal, onBytes }, context, arrivals)),
    )
  }

  const source = (selection: Selection, options: GetOptions) =>
    fetchingSource(store, () => fetch(selection, options), options)

  async function* streaming<T>(
    selection: Selection,
    options: GetOptions,
    work: (source: BlockSource) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const release = await store.hold(selection.cid)
    try {
      yield* work(source(selection, options))
    } finally {
      release()
    }
  }

  const using = <T>(selection: Selection, options: GetOptions, work: (source: BlockSource) => Promise<T>) =>
    holding(store, selection, () => work(source(selection, options)))

  async function following<T>(selection: Selection, options: GetOptions, work: FollowingWork<T>): Promise<T> {
    if (options.offline === true) return using(selection, options, (source) => work(source, async () => {}))
    const begin = (arrivals: Arrivals, signal: AbortSignal) => fetch(selection, { ...options, signal }, arrivals)
    return holding(store, selection, () => whileArriving(store, begin, work, options.signal))
  }

  return {
    streaming,
    following: (selection, options, work) => tracker.track(following(selection, options, work)),
    using: (selection, options, work) => tracker.track(using(selection, options, work)),
    pin(cid, name, options) {
      const selection: Selection = { cid, path: [], scope: 'all' }
      return tracker.track(using(selection, options, (reading) => pinAll(selection, name, reading, store)))
    },
    async stop() {
      stopping.abort(new BacalhauError('ServiceUnavailable', 'The node stops.'))
      await tracker.settled()
    },
  }
}

/** Keeps what is below the selection from garbage collection meanwhile. */
async function holding<T>(store: BlockStore, { cid }: Selection, work: () => Promise<T>): Promise<T> {
  const release = await store.hold(cid)
  return work().finally(release)
}

/** Reads from the store; what is not there is fetched first. */
function fetchingSource(store: BlockStore, fetch: () => Promise<void>, { signal, offline }: GetOptions): BlockSource {
  async function orFetch<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
    signal?.throwIfAborted()
    const present = await read()
    if (present !== undefined || offline === true) return present
    await fetch()
    return read()
  }
  return {
    has: (cid) => store.has(cid),
    get: (cid, headOf) => orFetch(() => store.get(cid, headOf)),
    links: (cid) => orFetch(() => store.links(cid)),
  }
}

/** Goes over every block before the pin is recorded, so that a pin is never of something incomplete. */
async function pinAll(selection: Selection, name: string, reading: BlockSource, store: BlockStore): Promise<void> {
  // A pin is only ever made of what is complete.
  if (store.isPinned(selection.cid, name)) return
  const batch = store.begin()
  try {
    for await (const cid of blocksOf(selection, reading)) {
      if (!store.has(cid)) await demand(reading, cid)
      batch.touch(cid)
    }
    await batch.commit([selection.cid], name)
  } finally {
    await batch.discard()
  }
}

/** Fetches into a batch of its own. What came before a failure is kept, so that the next try need not begin anew. */
async function fetchInto(
  selection: Selection,
  options: FetchOptions,
  context: ReachContext,
  arrivals: Arrivals | undefined,
): Promise<void> {
  const batch = context.store.begin()
  try {
    await fetchSelection(selection, arrivals?.through(batch) ?? batch, options, context)
    arrivals?.end()
    await batch.commit()
  } catch (error) {
    if (isBacalhauError(error) && (error.code === 'DiskFull' || error.code === 'ContentTooLarge')) await batch.discard()
    else if (batch.size > 0) await batch.commit()
    throw error
  } finally {
    await batch.discard()
  }
}
