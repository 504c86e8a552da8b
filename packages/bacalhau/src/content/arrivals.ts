import type { CID } from 'multiformats/cid'
import type { BlockBatch } from './blocks/block-batch.ts'
import { type BlockSource, type HeadOf, linksOf, NO_HEAD, withHead } from './blocks/block-source.ts'
import { keyOf, matches, RAW } from './cid.ts'

/** Bytes of blocks that wait for the reader before those that bring more wait too. */
const WINDOW = 2 * 1024 * 1024

/**
 * Hands blocks that are being fetched to one reader while they come, so that it need neither wait for the last one nor read
 * from the disk, and check a second time, what was in memory a moment ago. Who comes first waits for the other, unless the
 * reader waits for something else: then what it has not asked for so far is left to the batch.
 */
export interface Arrivals {
  /** The same batch; each block that is put into it, checked against its hash by whoever does, goes to the reader too. */
  through(batch: BlockBatch): BlockBatch
  /** The block, once it is here. Undefined when nothing more comes, and for what can be had only from the store. */
  get(cid: CID): Promise<Uint8Array | undefined>
  /** Nothing more comes. */
  end(): void
  /** Nobody reads any more. */
  leave(): void
}

export function createArrivals(): Arrivals {
  const held = createHeld()
  let batch: BlockBatch | undefined
  /** What the reader waits for. */
  let wanted: string | undefined
  let ended = false
  const bell = createBell()

  function end(): void {
    ended = true
    bell.ring()
  }

  async function put(inner: BlockBatch, cid: CID, block: Uint8Array): Promise<void> {
    const key = keyOf(cid)
    if (!ended) held.add(key, block)
    if (wanted === key) bell.ring()
    await inner.put(cid, block)
    while (held.bytes > WINDOW) {
      if (wanted !== undefined && !held.has(wanted)) held.dropOldest()
      else await bell.next()
    }
  }

  return {
    through(inner) {
      batch = inner
      return withPut(inner, (cid, block) => put(inner, cid, block))
    },
    async get(cid) {
      const key = keyOf(cid)
      for (;;) {
        const block = held.take(key)
        if (block !== undefined) bell.ring()
        if (block !== undefined || ended) return block
        if (batch?.has(cid) === true) return readBack(cid, batch)
        wanted = key
        bell.ring()
        await bell.next()
        wanted = undefined
      }
    },
    end,
    leave() {
      held.clear()
      end()
    },
  }
}

function withPut(inner: BlockBatch, put: BlockBatch['put']): BlockBatch {
  return {
    ...inner,
    get size() {
      return inner.size
    },
    put,
  }
}

/** Wakes whoever waits for something to change. */
function createBell() {
  let ringing = Promise.withResolvers<void>()
  return {
    next: () => ringing.promise,
    ring(): void {
      ringing.resolve()
      ringing = Promise.withResolvers()
    },
  }
}

/** What the reader has had before, or what was not held for it. From the disk as it may be, it is checked again. */
async function readBack(cid: CID, batch: BlockBatch): Promise<Uint8Array | undefined> {
  // Its file is closed just before it is committed; then the store has the block soon.
  const block = await batch.get(cid).catch(() => undefined)
  return block !== undefined && matches(cid, block) ? block : undefined
}

/** Blocks by key, and how many bytes they have. */
function createHeld() {
  const blocks = new Map<string, Uint8Array>()
  let bytes = 0
  function take(key: string): Uint8Array | undefined {
    const block = blocks.get(key)
    if (blocks.delete(key)) bytes -= block?.length ?? 0
    return block
  }
  return {
    get bytes() {
      return bytes
    },
    has: (key: string) => blocks.has(key),
    take,
    add(key: string, block: Uint8Array): void {
      take(key)
      blocks.set(key, block)
      bytes += block.length
    },
    dropOldest(): void {
      const [oldest] = blocks.keys()
      if (oldest !== undefined) take(oldest)
    },
    clear(): void {
      blocks.clear()
      bytes = 0
    },
  }
}

/**
 * Runs `work` on a source that reads from the store; at the first block that is not there `fetch` begins, and from then on what
 * has come is read at once. `settled` resolves when the fetch has ended well. When `work` fails, the fetch is aborted.
 */
export async function whileArriving<T>(
  store: BlockSource,
  fetch: (arrivals: Arrivals, signal: AbortSignal) => Promise<void>,
  work: (source: BlockSource, settled: () => Promise<void>) => Promise<T>,
  given: AbortSignal | undefined,
): Promise<T> {
  const failed = new AbortController()
  const signal = given === undefined ? failed.signal : AbortSignal.any([given, failed.signal])
  const arrivals = createArrivals()
  let fetching: Promise<void> | undefined

  function begin(): Promise<void> {
    const begun = fetch(arrivals, signal).finally(() => arrivals.end())
    begun.catch(() => {}) // reported by whoever needs what did not come
    return begun
  }

  async function get(cid: CID): Promise<Uint8Array | undefined> {
    signal.throwIfAborted()
    const present = fetching === undefined ? await store.get(cid) : undefined
    if (present !== undefined) return present
    fetching ??= begin()
    return (await arrivals.get(cid)) ?? afterAll(cid)
  }

  /** From here on as without arrivals. Whoever brings blocks must not wait for us while we wait for the last of them. */
  async function afterAll(cid: CID): Promise<Uint8Array | undefined> {
    await settled()
    return store.get(cid)
  }

  async function settled(): Promise<void> {
    arrivals.leave()
    await fetching
  }

  try {
    return await work(sourceOf(get, store), settled)
  } catch (error) {
    failed.abort(error)
    throw error
  } finally {
    arrivals.leave()
  }
}

function sourceOf(get: (cid: CID) => Promise<Uint8Array | undefined>, store: BlockSource): BlockSource {
  return {
    has: (cid) => store.has(cid),
    async get(cid, headOf?: HeadOf) {
      const block = await get(cid)
      return block === undefined ? undefined : withHead(block, headOf?.(block.length) ?? NO_HEAD)
    },
    async links(cid) {
      if (cid.code === RAW) return []
      const block = await get(cid)
      return block === undefined ? undefined : linksOf(cid, block)
    },
  }
}
