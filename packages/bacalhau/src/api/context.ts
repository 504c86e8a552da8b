import type { NodeInfo, PeerResponse } from '@bacalhau/models'
import type { AddOptions, AddResult, Content } from '../content/content.ts'
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

/** What the API uses of the node's content. */
export interface ApiContent extends Pick<
  Content,
  'add' | 'stat' | 'list' | 'cat' | 'block' | 'car' | 'pins' | 'unpin' | 'collect'
> {
  /** Adds a folder and pins it. Throws `BadRequest` when one path is there twice, or is both a file and a folder. */
  addTree(entries: AsyncIterable<IncomingEntry>, options?: Omit<AddOptions, 'wrap'>): Promise<AddResult>
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
