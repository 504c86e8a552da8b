import type { Libp2p } from '@libp2p/interface'
import {
  type ComputeMessage,
  computeMessageSchema,
  type OrchestratorMessage,
  orchestratorMessageSchema,
} from '@bacalhau/models'
import type { ByteStream } from '../network/byte-stream.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Channel } from './channel.ts'
import { streamChannel } from './stream-channel.ts'

/** The compute node opens the stream, so that it needs no port that others can reach. */
export const LINK_PROTOCOL = '/bacalhau/link/1.0.0'

/** One end of a link, from the side of the compute node and of the orchestrator. */
export type ComputeChannel = Channel<ComputeMessage, OrchestratorMessage>
export type OrchestratorChannel = Channel<OrchestratorMessage, ComputeMessage>

/** Opens a link from this compute node to the orchestrator `peer`. Throws `PeerUnreachable` when it is none. */
export async function openLink(host: Libp2p, peer: string, signal: AbortSignal): Promise<ComputeChannel> {
  const stream = await openStream(host, peer, LINK_PROTOCOL, { signal, overRelay: true })
  return streamChannel<ComputeMessage, typeof orchestratorMessageSchema>(stream, orchestratorMessageSchema)
}

/**
 * Takes links of compute nodes at this orchestrator. A node has one at a time; for a moment there are two of them when a new
 * one replaces the old.
 */
export function acceptLinks(
  host: Libp2p,
  onLink: (channel: OrchestratorChannel) => void,
  logger: Logger,
): Promise<Stoppable> {
  const serve = (stream: ByteStream) =>
    new Promise<void>((resolve) => {
      const channel = streamChannel<OrchestratorMessage, typeof computeMessageSchema>(stream, computeMessageSchema, {
        maxMessage: LIMITS.linkReport,
        onEnd: resolve,
      })
      onLink(channel)
    })
  return handleProtocol(host, LINK_PROTOCOL, serve, { logger, maxStreams: 4, overRelay: true })
}
