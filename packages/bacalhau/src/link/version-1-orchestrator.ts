import type {
  ComputeMessage,
  ComputeMessageV1,
  OrchestratorMessage,
  OrchestratorMessageV1,
  OrderMessage,
  Receipt,
  ReportMessage,
} from '@bacalhau/models'
import { uuid } from '../runtime/ids.ts'
import type { Random } from '../runtime/random.ts'
import type { Channel } from './channel.ts'
import type { ComputeChannel } from './link-protocol.ts'
import { translateChannel, type Translation } from './translate-channel.ts'

/**
 * An orchestrator that speaks version 1, presented to a compute node as one that speaks version 2. A conversation begins anew
 * with each link. A parcel of reports counts as received when every end of an execution in it is settled; the rest needs no
 * more than to be sent, because the next hello says what the node holds.
 */
export function version1Orchestrator(
  channel: Channel<ComputeMessageV1, OrchestratorMessageV1>,
  random: Random,
): ComputeChannel {
  return translateChannel(channel, orchestratorTranslation(uuid(random)))
}

const MARK = 'v1'
const NO_OUTPUT = { Stdout: '', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }

type Direction = Translation<ComputeMessage, OrchestratorMessage, ComputeMessageV1, OrchestratorMessageV1>

function orchestratorTranslation(conversation: string): Direction {
  let received = 0
  let acknowledged: Receipt = { seq: 0, mark: '' }
  /** The parcels after that, each with the executions whose end is in it and not settled. */
  const unsettled: { readonly receipt: Receipt; readonly ends: Set<string> }[] = []

  const acknowledge = (hear: (message: OrchestratorMessage) => void) => {
    const before = acknowledged
    for (let first = unsettled[0]; first?.ends.size === 0; first = unsettled[0]) {
      acknowledged = first.receipt
      unsettled.shift()
    }
    if (acknowledged !== before) hear({ type: 'ack', seq: acknowledged.seq })
  }

  return {
    outgoing(message, say, hear) {
      switch (message.type) {
        case 'hello': {
          const { conversation: _, ...hello } = message
          return say({ ...hello, versions: [1] })
        }
        case 'heartbeat':
          return say(message)
        case 'parcel': {
          const { seq, mark, messages } = message
          // It may be one that is sent again, because the node has been approved once more.
          if (seq > acknowledged.seq + unsettled.length) {
            const ends = new Set(messages.filter(isFinal).map(({ executionId }) => executionId))
            unsettled.push({ receipt: { seq, mark }, ends })
          }
          for (const report of messages) say(toOldReport(report))
          return acknowledge(hear)
        }
        case 'ack':
      }
    },
    incoming(message, hear) {
      switch (message.type) {
        case 'welcome': {
          const { membership, message: words } = message
          const claim = { id: conversation, received: acknowledged }
          return hear({ type: 'welcome', membership, message: words, storeGeneration: MARK, conversation: claim })
        }
        case 'heartbeat':
          return hear(message)
        case 'settled':
          for (const { ends } of unsettled) ends.delete(message.executionId)
          return acknowledge(hear)
        case 'offer':
        case 'cancel':
          received += 1
          hear({ type: 'parcel', seq: received, mark: MARK, messages: [toOrder(message)] })
      }
    },
  }
}

const isFinal = ({ type }: ReportMessage) => type === 'completed' || type === 'failed' || type === 'cancelled'

function toOldReport(report: ReportMessage): ComputeMessageV1 {
  if (report.type !== 'completed') return report
  const { milliseconds: _, output, ...rest } = report
  return { ...rest, output: output ?? NO_OUTPUT }
}

function toOrder(message: Extract<OrchestratorMessageV1, { type: 'offer' | 'cancel' }>): OrderMessage {
  if (message.type === 'cancel') return message
  const { executionId, job, partitionIndex, resources } = message
  return { type: 'offer', job, resources, executions: [{ id: executionId, partition: partitionIndex }] }
}
