import {
  type ComputeMessage,
  type ComputeMessageV2,
  computeMessageV2Schema,
  type OrchestratorMessage,
  type OrchestratorMessageV2,
  orchestratorMessageV2Schema,
  orderMessageV2Schema,
  type OrderMessage,
} from '@bacalhau/models'
import type { Channel } from './channel.ts'
import type { ComputeChannel, OrchestratorChannel } from './link-protocol.ts'

/**
 * Peers that speak version 2, presented as ones that speak version 3. Conversations, numbers and acknowledgements are the same in
 * both: they are told less, and nothing is made up.
 */

/** A compute node of version 2. Where it has no words for an offer, its parcel withdraws it: the number has to come. */
export function version2Node(channel: Channel<OrchestratorMessageV2, ComputeMessageV2>): OrchestratorChannel {
  return reworded<OrchestratorMessage, ComputeMessage, OrchestratorMessageV2>(channel, (message) => {
    const known = message.type === 'parcel' ? { ...message, messages: message.messages.flatMap(toOldOrders) } : message
    return orchestratorMessageV2Schema.safeParse(known).data
  })
}

/** An orchestrator of version 2. It does not hear how far an execution is before it runs. */
export function version2Orchestrator(channel: Channel<ComputeMessageV2, OrchestratorMessageV2>): ComputeChannel {
  return reworded<ComputeMessage, OrchestratorMessage, ComputeMessageV2>(
    channel,
    (message) => computeMessageV2Schema.safeParse(message).data,
  )
}

function toOldOrders(order: OrderMessage): OrderMessage[] {
  if (order.type !== 'offer' || orderMessageV2Schema.safeParse(order).success) return [order]
  const reason = 'this version of the node does not know what the job asks for'
  return order.executions.map(({ id }) => ({ type: 'cancel', executionId: id, reason }))
}

/** The same channel, over which less is said: `toOld` gives undefined for what the peer cannot read. */
export function reworded<Out, In, Old>(
  channel: Channel<Old, In>,
  toOld: (message: Out) => Old | undefined,
): Channel<Out, In> {
  return {
    peer: channel.peer,
    sameMachine: channel.sameMachine,
    start: (handler) => channel.start(handler),
    send(message) {
      const old = toOld(message)
      if (old !== undefined) channel.send(old)
    },
    close: () => channel.close(),
    abort: (error) => channel.abort(error),
  }
}
