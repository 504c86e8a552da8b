import type { ComputeMessage, NodeInfo, OrchestratorMessage, ReportMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { ChannelHandler } from '../../channel.ts'
import type { OrchestratorChannel } from '../../link-protocol.ts'
import type { Asked } from './asked.ts'
import type { GoDesk, Listener } from './go-desk.ts'

export interface GoChannelOptions {
  readonly peer: string
  readonly generation: Asked['generation']
  readonly info: NodeInfo
  readonly sameMachine: boolean
  /** Shown on behalf of a node that the operator has allowed. */
  readonly joinToken?: string
  readonly desk: Pick<GoDesk, 'held' | 'listen' | 'unlisten' | 'take' | 'settled'>
  readonly clock: Clock
  /** Is there a connection at this moment? A short absence does not end the channel. */
  readonly isConnected: () => boolean
  /** The channel is over, whoever ended it. */
  readonly onEnd?: () => void
}

/** A compute node of the Go program as an orchestrator of ours sees it, for as long as it is there. */
export interface GoChannel extends OrchestratorChannel {
  /** The node has said something new of itself. */
  refresh(info: NodeInfo): void
  /** The node is gone. */
  end(error: Error | undefined): void
}

/** A Go node has no store that it tells of, and no conversations. */
const GENERATION = 'go'
const MARK = 'go'

/**
 * Plays the compute node. Every channel is a new conversation, so the orchestrator settles with `held` what is out there; an
 * order is acknowledged when the desk has it on disk, a last report is kept there until the orchestrator acknowledges it.
 */
export function createGoChannel(options: GoChannelOptions): GoChannel {
  const { peer, generation, sameMachine, joinToken, desk, clock } = options
  let handler: ChannelHandler<ComputeMessage> | undefined
  let beat: Timer | undefined
  let sent = 0
  /** Executions whose last report is in the parcel of this number. */
  const unsettled: { readonly seq: number; readonly executionId: string }[] = []

  const hear = (message: ComputeMessage) => {
    try {
      handler?.onMessage(message)
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error)))
    }
  }
  /** A receiver never runs inside of a send. */
  const hearSoon = (message: ComputeMessage) => queueMicrotask(() => hear(message))

  const listener: Listener = {
    report(report) {
      sent += 1
      if (isLast(report)) unsettled.push({ seq: sent, executionId: report.executionId })
      hearSoon({ type: 'parcel', seq: sent, mark: MARK, messages: [report] })
    },
  }

  function beatLater(): void {
    beat = clock.after(LIMITS.linkHeartbeat, () => {
      if (options.isConnected()) hear({ type: 'heartbeat' })
      else handler?.onSign?.()
      if (handler !== undefined) beatLater()
    })
  }

  function leave(): ChannelHandler<ComputeMessage> | undefined {
    const present = handler
    handler = undefined
    beat?.cancel()
    desk.unlisten(peer, listener)
    options.onEnd?.()
    return present
  }

  function finish(error: Error | undefined): void {
    leave()?.onClose(error)
  }

  function settle(seq: number): void {
    for (let [first] = unsettled; first !== undefined && first.seq <= seq; [first] = unsettled) {
      desk.settled(peer, first.executionId)
      unsettled.shift()
    }
  }

  return {
    peer,
    sameMachine,
    start(given) {
      handler = given
      beatLater()
      hearSoon({
        type: 'hello',
        node: options.info,
        storeGeneration: GENERATION,
        held: desk.held(peer).slice(0, LIMITS.heldExecutions),
        ...(joinToken === undefined ? {} : { joinToken }),
      })
    },
    send(message: OrchestratorMessage) {
      if (handler === undefined) return
      switch (message.type) {
        case 'welcome':
          if (message.membership === 'APPROVED') desk.listen(peer, listener)
          else desk.unlisten(peer, listener)
          return
        case 'parcel':
          return desk.take(peer, generation, message.messages, () => hear({ type: 'ack', seq: message.seq }))
        case 'ack':
          return settle(message.seq)
        case 'heartbeat':
      }
    },
    close: () => finish(undefined),
    abort: finish,
    refresh: (node) => hear({ type: 'heartbeat', node }),
    end: finish,
  }
}

const isLast = ({ type }: ReportMessage): boolean => type !== 'accepted' && type !== 'progress'
