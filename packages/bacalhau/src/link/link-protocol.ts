import type { Libp2p } from '@libp2p/interface'
import {
  type ComputeMessage,
  computeMessageSchema,
  computeMessageV1Schema,
  computeMessageV2Schema,
  LINK_VERSIONS,
  type OrchestratorMessage,
  orchestratorMessageSchema,
  orchestratorMessageV1Schema,
  orchestratorMessageV2Schema,
} from '@bacalhau/models'
import type { ByteStream } from '../network/byte-stream.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { systemRandom } from '../runtime/random.ts'
import type { Channel } from './channel.ts'
import { streamChannel, type StreamChannelOptions } from './stream-channel.ts'
import { NO_TRAFFIC, type Traffic } from './traffic.ts'
import { version1Node } from './version-1-node.ts'
import { version1Orchestrator } from './version-1-orchestrator.ts'
import { version2Node, version2Orchestrator } from './version-2.ts'

/**
 * The compute node opens the stream, so that it needs no port that others can reach. The version of the vocabulary is the one
 * of the protocol that both sides find (`multistream-select` of libp2p); those before are spoken too.
 */
export const LINK_PROTOCOLS: Readonly<Record<(typeof LINK_VERSIONS)[number], string>> = {
  3: '/bacalhau/link/3.0.0',
  2: '/bacalhau/link/2.0.0',
  1: '/bacalhau/link/1.0.0',
}

/** One end of a link, from the side of the compute node and of the orchestrator. */
export type ComputeChannel = Channel<ComputeMessage, OrchestratorMessage>
export type OrchestratorChannel = Channel<OrchestratorMessage, ComputeMessage>

/** Opens a link from this compute node to the orchestrator `peer`. Throws `PeerUnreachable` when it is none. */
export async function openLink(
  host: Libp2p,
  peer: string,
  signal: AbortSignal,
  traffic: Traffic = NO_TRAFFIC,
): Promise<ComputeChannel> {
  let refusal: unknown
  for (const version of LINK_VERSIONS) {
    try {
      const stream = await openStream(host, peer, LINK_PROTOCOLS[version], { signal, overRelay: true })
      return toOrchestrator[version](stream, { traffic })
    } catch (error) {
      if (!speaksAnother(error)) throw error
      refusal = error
    }
  }
  throw refusal
}

type Version = (typeof LINK_VERSIONS)[number]
type Ends<C> = Readonly<Record<Version, (stream: ByteStream, options: StreamChannelOptions) => C>>

/** An orchestrator at the other end of a stream, in the words of each version. */
const toOrchestrator: Ends<ComputeChannel> = {
  3: (stream, options) =>
    streamChannel<ComputeMessage, typeof orchestratorMessageSchema>(stream, orchestratorMessageSchema, options),
  2: (stream, options) => version2Orchestrator(streamChannel(stream, orchestratorMessageV2Schema, options)),
  1: (stream, options) =>
    version1Orchestrator(streamChannel(stream, orchestratorMessageV1Schema, options), systemRandom),
}

/** The same for a compute node. */
const toNode: Ends<OrchestratorChannel> = {
  3: (stream, options) =>
    streamChannel<OrchestratorMessage, typeof computeMessageSchema>(stream, computeMessageSchema, options),
  2: (stream, options) => version2Node(streamChannel(stream, computeMessageV2Schema, options)),
  1: (stream, options) => version1Node(streamChannel(stream, computeMessageV1Schema, options)),
}

/** Was the peer reached, and did not know the protocol? */
const speaksAnother = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'UnsupportedProtocolError'

/**
 * Takes links of compute nodes at this orchestrator. A node has one at a time; for a moment there are two of them when a new
 * one replaces the old.
 */
export async function acceptLinks(
  host: Libp2p,
  onLink: (channel: OrchestratorChannel) => void,
  logger: Logger,
  traffic: Traffic = NO_TRAFFIC,
): Promise<Stoppable> {
  const maxMessage = LIMITS.linkReport
  const services: Stoppable[] = []
  for (const version of LINK_VERSIONS) {
    const serve = (stream: ByteStream) =>
      new Promise<void>((onEnd) => onLink(toNode[version](stream, { maxMessage, traffic, onEnd })))
    services.push(
      await handleProtocol(host, LINK_PROTOCOLS[version], serve, { logger, maxStreams: 4, overRelay: true }),
    )
  }
  return { stop: async () => void (await Promise.all(services.map((service) => service.stop()))) }
}
