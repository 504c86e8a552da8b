import type { Libp2p } from '@libp2p/interface'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import {
  onBidCompleteSchema,
  onCancelCompleteSchema,
  onComputeFailureSchema,
  onRunCompleteSchema,
} from '../wire/messages.ts'
import { onPublishCompleteSchema } from '../wire/messages-b.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { serveCallback, type ServeOptions, type Speaker } from '../wire/rpc.ts'
import type { GoDesk } from './go-desk.ts'
import { legacyResultOf, outputOf, resultOf } from './outcome.ts'

/**
 * Takes what Go compute nodes tell of executions. A peer speaks for itself only, and of executions that it was asked for. To be
 * called before the host has connections: a Go node looks once whether this one takes callbacks.
 */
export async function serveGoCallbacks(
  host: Libp2p,
  desk: Pick<GoDesk, 'tell'>,
  options: ServeOptions,
): Promise<Stoppable> {
  const services = [
    await serveCallback(
      host,
      GO_PROTOCOLS.onBidComplete,
      onBidCompleteSchema,
      ({ ExecutionID, Accepted: accepted, Reason: reason }, { peer }) =>
        desk.tell(peer, ExecutionID, { type: 'bid', accepted, reason }),
      options,
    ),
    await serveCallback(
      host,
      GO_PROTOCOLS.onRunComplete,
      onRunCompleteSchema,
      ({ ExecutionID, PublishResult, RunCommandResult }, speaker) =>
        desk.tell(speaker.peer, ExecutionID, {
          type: 'ran',
          output: outputOf(RunCommandResult),
          result: resultOf(PublishResult, hostOf(speaker)),
        }),
      options,
    ),
    await serveCallback(
      host,
      GO_PROTOCOLS.onPublishComplete,
      onPublishCompleteSchema,
      ({ ExecutionID, PublishResult }, speaker) =>
        desk.tell(speaker.peer, ExecutionID, {
          type: 'published',
          result: legacyResultOf(PublishResult, hostOf(speaker)),
        }),
      options,
    ),
    await serveCallback(
      host,
      GO_PROTOCOLS.onCancelComplete,
      onCancelCompleteSchema,
      ({ ExecutionID }, { peer }) => desk.tell(peer, ExecutionID, { type: 'stopped' }),
      options,
    ),
    await serveCallback(
      host,
      GO_PROTOCOLS.onComputeFailure,
      onComputeFailureSchema,
      ({ ExecutionID, Err: error }, { peer }) => desk.tell(peer, ExecutionID, { type: 'failed', error }),
      options,
    ),
  ]
  return { stop: async () => void (await Promise.all(services.map((service) => service.stop()))) }
}

/** Where the peer is seen; empty when that is only where its relay is. */
function hostOf({ address }: Speaker): string {
  if (address.includes('/p2p-circuit')) return ''
  return /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)/.exec(address)?.[1] ?? ''
}
