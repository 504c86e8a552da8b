import type { NetworkAnswer, NodeInfo, PeerResponse, SpecConfig } from '@bacalhau/models'
import type { Content } from '../content/content.ts'
import type { Peers } from '../network/peers/peers.ts'
import type { Orchestrator } from '../orchestrator/service.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Meter } from '../runtime/meter.ts'
import type { Random } from '../runtime/random.ts'
import type { Check } from './health/routes.ts'

/** What the API uses of the node's content. */
export type ApiContent = Pick<
  Content,
  'add' | 'addTree' | 'stat' | 'list' | 'cat' | 'block' | 'car' | 'pins' | 'unpin' | 'collect'
>

/** The node behind the API, as far as the API needs to see it. */
export interface ApiContext {
  /** Absent on a node that only computes. */
  readonly orchestrator: Orchestrator | undefined
  readonly content: ApiContent
  /** Our peer ID and the addresses at which peers reach us. */
  readonly peer: () => PeerResponse
  readonly nodeInfo: () => NodeInfo
  /** The effective configuration as a tree of its keys; secrets are hidden. */
  readonly config: () => object
  /** Where the other parts of the node count what they do. */
  readonly meter?: Meter
  /** Bytes that are free on the disk of the node. */
  readonly freeDisk?: () => Promise<number>
  /** Makes a result of a job such that whoever may see it can fetch it. */
  readonly openResult?: (result: SpecConfig, jobId: string) => Promise<SpecConfig>
  /** The peers of the node. */
  readonly peers?: Peers
  /** How others reach it. */
  readonly network?: () => NetworkAnswer
  /** Whether the other parts can do their work. */
  readonly checks?: () => readonly Check[]
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

/** What a route gets: the node, and a signal that aborts when the API stops. */
export interface Api extends ApiContext {
  readonly stopping: AbortSignal
  readonly meter: Meter
}
