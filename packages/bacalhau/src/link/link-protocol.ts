import type { Libp2p } from '@libp2p/interface'
import {
  type ComputeMessage,
  computeMessageSchema,
  type OrchestratorMessage,
  orchestratorMessageSchema,
} from '@bacalhau/models'
import { handleProtocol, openStream } from '../network/protocol.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
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

/** Takes links of compute nodes at this orchestrator. A peer has one link at a time; a new one replaces the old. */
export function acceptLinks(
  host: Libp2p,
  onLink: (channel: OrchestratorChannel) => void,
  logger: Logger,
): Promise<Stoppable> {
  return handleProtocol(
    host,
    LINK_PROTOCOL,
    (stream) =>
      new Promise((resolve) => {
        const channel = streamChannel<OrchestratorMessage, typeof computeMessageSchema>(stream, computeMessageSchema)
        onLink({
          ...channel,
          start: (handler) =>
            channel.start({
              onMessage: (message) => handler.onMessage(message),
              onClose(error) {
                handler.onClose(error)
                resolve()
              },
            }),
        })
      }),
    { logger, maxStreams: 2, overRelay: true },
  )
}
