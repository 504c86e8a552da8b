import {
  type ComputeMessage,
  type ComputeMessageV1,
  type OrchestratorMessage,
  type OrchestratorMessageV1,
  orchestratorMessageV1Schema,
  type OrderMessage,
  type ReportMessage,
} from '@bacalhau/models'
import type { Channel } from './channel.ts'
import type { OrchestratorChannel } from './link-protocol.ts'
import { saidAs, translateChannel, type Translation } from './translate-channel.ts'

/**
 * A compute node that speaks version 1, presented to an orchestrator as one of today. It has no conversation, so
 * one begins anew with each link. Its reports get numbers here; it repeats how an execution ended at every link until it is
 * told that this is settled, which it is when the orchestrator has acknowledged the parcel. What is sent to it counts as
 * received: the next handshake shows what it has. An offer that version 1 has no words for is one without an answer.
 */
export function version1Node(channel: Channel<OrchestratorMessageV1, ComputeMessageV1>): OrchestratorChannel {
  return translateChannel(channel, nodeTranslation())
}

/** Says which life of a sender wrote a parcel; one link is one life here. */
const MARK = 'v1'

function nodeTranslation(): Translation<OrchestratorMessage, ComputeMessage, OrchestratorMessageV1, ComputeMessageV1> {
  let approved = false
  let received = 0
  /** Executions whose end is in the parcel of this number. */
  const unsettled: { readonly seq: number; readonly executionId: string }[] = []
  return {
    outgoing(message, send, hear) {
      const say = saidAs(orchestratorMessageV1Schema, send)
      switch (message.type) {
        case 'welcome':
          approved = message.membership === 'APPROVED'
          return say({ type: 'welcome', version: 1, membership: message.membership, message: message.message })
        case 'heartbeat':
          return say(message)
        case 'parcel':
          for (const order of message.messages) for (const old of toOldOrders(order)) say(old)
          return hear({ type: 'ack', seq: message.seq })
        case 'ack':
          for (let first = unsettled[0]; first !== undefined && first.seq <= message.seq; first = unsettled[0]) {
            say({ type: 'settled', executionId: first.executionId })
            unsettled.shift()
          }
      }
    },
    incoming(message, hear) {
      if (message.type === 'heartbeat') return hear(message)
      if (message.type === 'hello') {
        const { versions: _, ...hello } = message
        return hear(hello)
      }
      // It says so again when it is approved.
      if (!approved) return
      received += 1
      if (message.type === 'completed' || message.type === 'failed' || message.type === 'cancelled')
        unsettled.push({ seq: received, executionId: message.executionId })
      hear({ type: 'parcel', seq: received, mark: MARK, messages: [message satisfies ReportMessage] })
    },
  }
}

function toOldOrders(order: OrderMessage): OrchestratorMessageV1[] {
  if (order.type === 'cancel') return [order]
  const { executions, job, resources } = order
  return executions.map(({ id, partition }) => ({
    type: 'offer',
    executionId: id,
    job,
    partitionIndex: partition,
    resources,
  }))
}
