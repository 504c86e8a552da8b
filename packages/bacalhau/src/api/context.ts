import type { AddedData, DataEntry, NodeInfo, PeerResponse } from '@bacalhau/models'
import type { Orchestrator } from '../orchestrator/service.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'

/**
 * A file, folder or link on its way in. Paths are relative, `/` between the parts, and never leave the tree; parents may be
 * missing. The content of one entry is read before the next entry is asked for.
 */
export interface IncomingEntry {
  readonly path: string
  /** The bytes of a file. */
  readonly content?: AsyncIterable<Uint8Array>
  /** What a symbolic link points to. */
  readonly link?: string
}

export interface AddOptions {
  readonly cidVersion: 0 | 1
  /** Puts a file into a folder, under this name. */
  readonly wrap?: string
  readonly signal: AbortSignal
}

export interface Lookup {
  readonly signal: AbortSignal
}

export interface ContentStat {
  readonly CID: string
  readonly Type: DataEntry['Type']
  /** Bytes of a file; for a folder, of everything below it. */
  readonly Bytes: number
  /** What a symbolic link points to. */
  readonly Target?: string
}

export interface Collected {
  readonly Blocks: number
  readonly Bytes: number
}

/**
 * What the API needs of the node's content. A `path` is `<cid>` or `<cid>/name/name`. Reads look in the swarm for what is not
 * here; they throw `InvalidCid` or, after a bounded search, `ContentNotFound`.
 */
export interface ApiContent {
  addFile(content: AsyncIterable<Uint8Array>, options: AddOptions): Promise<AddedData>
  addTree(entries: AsyncIterable<IncomingEntry>, options: AddOptions): Promise<AddedData>
  stat(path: string, options: Lookup): Promise<ContentStat>
  /** Entries of a folder; a file lists itself. */
  list(path: string, options: Lookup): Promise<readonly DataEntry[]>
  /** Bytes of a file, from `offset` on, at most `length`. */
  read(
    path: string,
    options: Lookup & { readonly offset?: number; readonly length?: number },
  ): AsyncIterable<Uint8Array>
  /** The one block that the path leads to. */
  block(path: string, options: Lookup): Promise<Uint8Array>
  /** The block and everything below it as a CAR stream. */
  car(path: string, options: Lookup): AsyncIterable<Uint8Array>
  /** The CIDs that garbage collection spares. */
  pins(): Promise<readonly string[]>
  /** Throws `NotFound` when it is not pinned. */
  unpin(cid: string): Promise<void>
  collectGarbage(signal: AbortSignal): Promise<Collected>
}

/** The node behind the API, as far as the API needs to see it. */
export interface ApiContext {
  /** Absent on a node that only computes. */
  readonly orchestrator: Orchestrator | undefined
  readonly content: ApiContent
  /** Our peer ID and the addresses at which peers reach us. */
  readonly peer: () => PeerResponse
  readonly nodeInfo: () => NodeInfo
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

/** What a route gets: the node, and a signal that aborts when the API stops. */
export interface Api extends ApiContext {
  readonly stopping: AbortSignal
}
