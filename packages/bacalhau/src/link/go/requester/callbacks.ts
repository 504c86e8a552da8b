import type { Libp2p } from '@libp2p/interface'
import type { z } from 'zod'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import {
  onBidCompleteSchema,
  onCancelCompleteSchema,
  onComputeFailureSchema,
  onRunCompleteSchema,
  type Routing,
} from '../wire/messages.ts'
import { onPublishCompleteSchema } from '../wire/messages-b.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { serveCallback, type ServeOptions, type Speaker } from '../wire/rpc.ts'
import type { AskedEvent } from './asked.ts'
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
  type Message<T extends z.ZodType> = z.output<T> & { readonly ExecutionID: string }
  const serve = <T extends z.ZodType<Routing>>(
    protocol: string,
    schema: T,
    toEvent: (message: Message<T>, speaker: Speaker) => AskedEvent,
  ) =>
    serveCallback(
      host,
      protocol,
      schema,
      (message, speaker) => {
        const said = message as Message<T>
        desk.tell(speaker.peer, said.ExecutionID, toEvent(said, speaker))
      },
      options,
    )
  const services = await Promise.all([
    serve(GO_PROTOCOLS.onBidComplete, onBidCompleteSchema, ({ Accepted: accepted, Reason: reason }) => ({
      type: 'bid',
      accepted,
      reason,
    })),
    serve(GO_PROTOCOLS.onRunComplete, onRunCompleteSchema, ({ PublishResult, RunCommandResult }, speaker) => ({
      type: 'ran',
      output: outputOf(RunCommandResult),
      result: resultOf(PublishResult, hostOf(speaker)),
    })),
    serve(GO_PROTOCOLS.onPublishComplete, onPublishCompleteSchema, ({ PublishResult }, speaker) => ({
      type: 'published',
      result: legacyResultOf(PublishResult, hostOf(speaker)),
    })),
    serve(GO_PROTOCOLS.onCancelComplete, onCancelCompleteSchema, () => ({ type: 'stopped' })),
    serve(GO_PROTOCOLS.onComputeFailure, onComputeFailureSchema, ({ Err: error }) => ({ type: 'failed', error })),
  ])
  return { stop: async () => void (await Promise.all(services.map((service) => service.stop()))) }
}

/** Where the peer is seen; empty when that is only where its relay is. */
function hostOf({ address }: Speaker): string {
  if (address.includes('/p2p-circuit')) return ''
  return /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)/.exec(address)?.[1] ?? ''
}
