import type { Libp2p } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { Scope as Lifetime, type Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Random, systemRandom } from '../runtime/random.ts'
import { type AddOptions, type AddResult, addTo } from './add.ts'
import { addTreeTo, type TreeEntry } from './add-tree.ts'
import { type BlockStore, openBlockStore } from './blocks/block-store.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { demand } from './blocks/block-source.ts'
import type { Collected } from './blocks/garbage.ts'
import { USER_PIN } from './blocks/index-schema.ts'
import type { OpenFile } from './blocks/packs.ts'
import type { ContentRef } from './cid.ts'
import { carOf } from './export-car.ts'
import { createKuboExchange } from './kubo/exchange.ts'
import type { KuboRpc } from './kubo/rpc.ts'
import { exportTo, type Exported, type ExportOptions } from './export.ts'
import { importCarTo, type ImportOptions } from './import-car.ts'
import { type Entry, entriesOf, type Range, readFile, type Stat, statOf } from './read.ts'
import { createReach, type GetOptions, type Reach } from './reach.ts'
import { isComplete, resolve, type Scope } from './selection.ts'
import { startBitswap } from './swarm/bitswap.ts'
import { createCarClient, dialCar } from './swarm/car-client.ts'
import { serveCar } from './swarm/car-server.ts'
import type { Exchange } from './swarm/fetch.ts'

export type {
  AddOptions,
  AddResult,
  Collected,
  ContentRef,
  Entry,
  Exported,
  GetOptions,
  ImportOptions,
  Range,
  Scope,
  Stat,
  TreeEntry,
}

export interface PinOptions {
  /**
   * On whose behalf content is kept. Several may keep the same, each under a name of its own; it can be collected when the last
   * one has let it go. The user if not given.
   */
  readonly pinAs?: string
}

export interface CarOptions {
  readonly scope?: Scope
  readonly skip?: number
}

/**
 * Content by CID: what this node stores, and what it can get from its peers. Everything that is read is fetched first if
 * need be (see `GetOptions`) and then stays until the next garbage collection, or for good if pinned. Reading throws
 * `ContentNotFound`, `NotFound` (nothing at the path), `ContentInvalid` or `ContentTooLarge`.
 */
export interface Content extends Stoppable {
  /**
   * Adds a file, a folder or a flow of bytes (whose chunks nobody may change afterwards), and pins it. Throws `BadRequest` or
   * `DiskFull`; then nothing is kept.
   */
  add(source: string | AsyncIterable<Uint8Array>, options?: AddOptions & PinOptions): Promise<AddResult>
  /** Adds a folder that is given entry by entry, and pins it; see `addTreeTo`. */
  addTree(entries: AsyncIterable<TreeEntry>, options?: Omit<AddOptions, 'wrap'>): Promise<AddResult>
  /** Adds and pins the tree below `root` from a CAR. */
  importCar(source: AsyncIterable<Uint8Array>, root: CID, options?: ImportOptions): Promise<void>

  /** Is all of it on this node? */
  has(ref: ContentRef): Promise<boolean>
  stat(ref: ContentRef, options?: GetOptions): Promise<Stat>
  list(ref: ContentRef, options?: GetOptions): AsyncGenerator<Entry, void, undefined>
  /** The bytes of a file, or of a part of it. */
  cat(ref: ContentRef, options?: GetOptions & Range): AsyncGenerator<Uint8Array, void, undefined>
  /** Writes a file or folder to `target`, which must not exist; see `exportTo`. */
  export(ref: ContentRef, target: string, options?: GetOptions & ExportOptions): Promise<Exported>
  /** The block that a path leads to, as it is stored. */
  block(ref: ContentRef, options?: GetOptions): Promise<Uint8Array>
  /** The blocks of a selection as a CAR, without the first `skip` of them. */
  car(ref: ContentRef, options?: GetOptions & CarOptions): AsyncGenerator<Uint8Array, void, undefined>

  /** Makes sure that all of it is on this node, and keeps it until this pin is removed. */
  pin(cid: CID, options?: GetOptions & PinOptions): Promise<void>
  /** Removes the pin of this name, the user's if none is given; those of others stay. False when there was none. */
  unpin(cid: CID, name?: string): boolean
  /** Removes every pin of this name; says how many there were. */
  unpinAll(name: string): number
  /** What is pinned under this name, or by the user. */
  pins(name?: string): string[]
  /** Names of pins that begin so. */
  pinNames(prefix: string): string[]
  /** Deletes what no pin needs and nothing uses at the moment. */
  collect(signal?: AbortSignal): Promise<Collected>
  usage(): { readonly blocks: number; readonly bytes: number }
  /** Bytes that it takes on the disk. Costs next to nothing. */
  footprint(): number
}

export interface ContentServices {
  /** The host of the swarm; without one, only what is stored can be read. */
  readonly host: Libp2p | undefined
  /** Peers of the swarm that are known of, connected or not; they are asked last. */
  readonly known?: () => readonly string[]
  /** Everything is stored below this folder, which is made if need be. */
  readonly folder: string
  readonly logger: Logger
  readonly clock?: Clock
  readonly random?: Random
  /** The RPC of a Kubo that is asked for what no peer has. */
  readonly kubo?: KuboRpc | undefined
  /** For tests: runs out of disk space on demand. */
  readonly openFile?: OpenFile
}

/** Opens the content of this node and serves it to peers. Throws `DataDirUnusable` or `StoreCorrupt`. */
export async function createContent(services: ContentServices): Promise<Content> {
  const { host, folder, logger, clock = systemClock, random = systemRandom, kubo, openFile } = services
  const lifetime = new Lifetime()
  const store = lifetime.own(await openBlockStore({ folder, logger, ...(openFile === undefined ? {} : { openFile }) }))
  const exchanges: Exchange[] = []
  if (host !== undefined) {
    lifetime.own(await serveCar({ host, store, clock, logger }))
    const bitswap = lifetime.own(await startBitswap({ host, stored: store, clock, logger }))
    exchanges.push(createCarClient(dialCar(host), clock), bitswap)
  }
  if (kubo !== undefined) exchanges.push(createKuboExchange(kubo))
  const connected = () => host?.getPeers().map(String) ?? []
  const known = services.known ?? (() => [])
  const reach = lifetime.own(createReach({ store, exchanges, connected, known, clock, logger }))
  return { ...writing(store, reach), ...reading(store, reach, random), stop: () => lifetime.stop() }
}

function writing(store: BlockStore, reach: Reach) {
  /** Everything that `work` puts, or nothing. */
  async function inBatch<T>(
    work: (batch: BlockBatch) => Promise<{ root: CID; result: T }>,
    name: string = USER_PIN,
  ): Promise<T> {
    const batch = store.begin()
    try {
      const { root, result } = await work(batch)
      // What is there and kept already needs no write, and no sync of the disk.
      if (batch.size > 0 || !store.isPinned(root, name)) await batch.commit([root], name)
      return result
    } finally {
      await batch.discard()
    }
  }

  return {
    add: (source: string | AsyncIterable<Uint8Array>, { pinAs, ...options }: AddOptions & PinOptions = {}) =>
      inBatch(async (batch) => {
        const result = await addTo(batch, source, options)
        return { root: result.cid, result }
      }, pinAs),
    addTree: (entries: AsyncIterable<TreeEntry>, options: Omit<AddOptions, 'wrap'> = {}) =>
      inBatch(async (batch) => {
        const result = await addTreeTo(batch, entries, options)
        return { root: result.cid, result }
      }),
    importCar: (source: AsyncIterable<Uint8Array>, root: CID, options: ImportOptions = {}) =>
      inBatch(async (batch) => ({ root, result: await importCarTo(batch, source, root, options) })),
    pin: (cid: CID, { pinAs = USER_PIN, ...options }: GetOptions & PinOptions = {}) => reach.pin(cid, pinAs, options),
    unpin: (cid: CID, name: string = USER_PIN) => store.unpin(cid, name),
    unpinAll: (name: string) => store.unpinAll(name),
    pins: (name: string = USER_PIN) => store.pins(name),
    pinNames: (prefix: string) => store.pinNames(prefix),
    collect: (signal?: AbortSignal) => store.collect(signal),
    usage: () => store.usage(),
    footprint: () => store.footprint(),
  }
}

function reading(store: BlockStore, reach: Reach, random: Random) {
  return {
    async has(ref: ContentRef): Promise<boolean> {
      const pinned = ref.path.length === 0 && store.isPinned(ref.cid)
      return pinned || isComplete({ ...ref, scope: 'all' }, store)
    },
    stat: (ref: ContentRef, options: GetOptions = {}) =>
      reach.using({ ...ref, scope: 'node' }, options, async (source) => statOf(await resolve(ref, source), source)),
    async *list(ref: ContentRef, options: GetOptions = {}) {
      yield* reach.streaming({ ...ref, scope: 'list' }, options, async function* (source) {
        yield* entriesOf(await resolve(ref, source), source)
      })
    },
    async *cat(ref: ContentRef, options: GetOptions & Range = {}) {
      yield* reach.streaming({ ...ref, scope: 'all' }, options, async function* (source) {
        yield* readFile(await resolve(ref, source), source, options)
      })
    },
    export: (ref: ContentRef, target: string, options: GetOptions & ExportOptions = {}) =>
      reach.following({ ...ref, scope: 'all' }, options, async (source, settled) =>
        exportTo(target, await resolve(ref, source), source, random, { ...options, settled }),
      ),
    block: (ref: ContentRef, options: GetOptions = {}) =>
      reach.using({ ...ref, scope: 'node' }, options, async (source) => demand(source, await resolve(ref, source))),
    async *car(ref: ContentRef, { scope = 'all', skip = 0, ...options }: GetOptions & CarOptions = {}) {
      yield* reach.streaming({ ...ref, scope }, options, async function* (source) {
        await resolve(ref, source)
        yield* carOf({ ...ref, scope }, source, skip)
      })
    },
  }
}
