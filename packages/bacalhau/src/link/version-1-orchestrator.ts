import {
  type ComputeMessage,
  type ComputeMessageV1,
  computeMessageV1Schema,
  type OrchestratorMessage,
  type OrchestratorMessageV1,
  type OrderMessage,
  type Receipt,
  type ReportMessage,
} from '@bacalhau/models'
import { uuid } from '../runtime/ids.ts'
import type { Random } from '../runtime/random.ts'
import type { Channel } from './channel.ts'
import type { ComputeChannel } from './link-protocol.ts'
import { saidAs, translateChannel, type Translation } from './translate-channel.ts'

/**
 * An orchestrator that speaks version 1, presented to a compute node as one of today. A conversation begins anew
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
  const reports = createSettlement()
  let received = 0

  const acknowledge = (hear: (message: OrchestratorMessage) => void) => {
    const before = reports.settled
    if (reports.advance() !== before) hear({ type: 'ack', seq: reports.settled.seq })
  }

  return {
    outgoing(message, send, hear) {
      const say = saidAs(computeMessageV1Schema, send)
      if (message.type === 'ack' || message.type === 'preparing') return
      if (message.type === 'heartbeat') return say(message)
      if (message.type === 'hello') {
        const { conversation: _, ...hello } = message
        return say({ ...hello, versions: [1] })
      }
      const { seq, mark, messages } = message
      reports.add({ seq, mark }, messages)
      for (const report of messages) say(toOldReport(report))
      acknowledge(hear)
    },
    incoming(message, hear) {
      if (message.type === 'heartbeat') return hear(message)
      if (message.type === 'welcome') {
        const { version: _, ...verdict } = message
        const claim = { id: conversation, received: reports.settled }
        return hear({ ...verdict, storeGeneration: MARK, conversation: claim })
      }
      if (message.type === 'settled') {
        reports.settle(message.executionId)
        return acknowledge(hear)
      }
      received += 1
      hear({ type: 'parcel', seq: received, mark: MARK, messages: [toOrder(message)] })
    },
  }
}

/** Which parcels of reports the orchestrator is done with. */
function createSettlement() {
  let settled: Receipt = { seq: 0, mark: '' }
  /** The parcels after that, each with the executions whose end is in it and not settled. */
  const open: { readonly receipt: Receipt; readonly ends: Set<string> }[] = []
  return {
    /** The last parcel of which, as of all before it, nothing is open. */
    get settled() {
      return settled
    },
    /** A parcel may come again, when the node has been approved once more. */
    add(receipt: Receipt, reports: readonly ReportMessage[]): void {
      if (receipt.seq <= settled.seq + open.length) return
      open.push({ receipt, ends: new Set(reports.filter(isFinal).map(({ executionId }) => executionId)) })
    },
    settle(executionId: string): void {
      for (const { ends } of open) ends.delete(executionId)
    },
    advance(): Receipt {
      for (let first = open[0]; first?.ends.size === 0; first = open[0]) {
        settled = first.receipt
        open.shift()
      }
      return settled
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
