import type { Libp2p } from '@libp2p/interface'
import {
  type ComputeMessage,
  type ComputeMessageV1,
  computeMessageSchema,
  computeMessageV1Schema,
  type LINK_VERSIONS,
  type OrchestratorMessage,
  type OrchestratorMessageV1,
  orchestratorMessageSchema,
  orchestratorMessageV1Schema,
} from '@bacalhau/models'
import type { ByteStream } from '../network/byte-stream.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { systemRandom } from '../runtime/random.ts'
import type { Channel } from './channel.ts'
import { streamChannel } from './stream-channel.ts'
import { NO_TRAFFIC, type Traffic } from './traffic.ts'
import { version1Node } from './version-1-node.ts'
import { version1Orchestrator } from './version-1-orchestrator.ts'

/**
 * The compute node opens the stream, so that it needs no port that others can reach. The version of the vocabulary is the one
 * of the protocol that both sides find (`multistream-select` of libp2p); the one before is spoken too.
 */
export const LINK_PROTOCOLS: Readonly<Record<(typeof LINK_VERSIONS)[number], string>> = {
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
  const open = (protocol: string) => openStream(host, peer, protocol, { signal, overRelay: true })
  try {
    return streamChannel<ComputeMessage, typeof orchestratorMessageSchema>(
      await open(LINK_PROTOCOLS[2]),
      orchestratorMessageSchema,
      { traffic },
    )
  } catch (error) {
    if (!speaksAnother(error)) throw error
    const stream = await open(LINK_PROTOCOLS[1])
    return version1Orchestrator(
      streamChannel<ComputeMessageV1, typeof orchestratorMessageV1Schema>(stream, orchestratorMessageV1Schema, {
        traffic,
      }),
      systemRandom,
    )
  }
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
  const serve = (protocol: string, accept: (stream: ByteStream, onEnd: () => void) => OrchestratorChannel) =>
    handleProtocol(host, protocol, (stream) => new Promise<void>((resolve) => onLink(accept(stream, resolve))), {
      logger,
      maxStreams: 4,
      overRelay: true,
    })
  const maxMessage = LIMITS.linkReport
  const services = [
    await serve(LINK_PROTOCOLS[2], (stream, onEnd) =>
      streamChannel<OrchestratorMessage, typeof computeMessageSchema>(stream, computeMessageSchema, {
        maxMessage,
        traffic,
        onEnd,
      }),
    ),
    await serve(LINK_PROTOCOLS[1], (stream, onEnd) =>
      version1Node(
        streamChannel<OrchestratorMessageV1, typeof computeMessageV1Schema>(stream, computeMessageV1Schema, {
          maxMessage,
          traffic,
          onEnd,
        }),
      ),
    ),
  ]
  return { stop: async () => void (await Promise.all(services.map((service) => service.stop()))) }
}
