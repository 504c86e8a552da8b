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
  return new PlayedNode(options)
}

class PlayedNode implements GoChannel, Listener {
  readonly peer: string
  readonly sameMachine: boolean
  readonly #options: GoChannelOptions
  #handler: ChannelHandler<ComputeMessage> | undefined
  #beat: Timer | undefined
  #sent = 0
  /** Executions whose last report is in the parcel of this number. */
  readonly #unsettled: { readonly seq: number; readonly executionId: string }[] = []

  constructor(options: GoChannelOptions) {
    this.peer = options.peer
    this.sameMachine = options.sameMachine
    this.#options = options
  }

  start(handler: ChannelHandler<ComputeMessage>): void {
    const { desk, info, joinToken } = this.#options
    this.#handler = handler
    this.#beatLater()
    this.#hearSoon({
      type: 'hello',
      node: info,
      storeGeneration: GENERATION,
      held: desk.held(this.peer).slice(0, LIMITS.heldExecutions),
      ...(joinToken === undefined ? {} : { joinToken }),
    })
  }

  send(message: OrchestratorMessage): void {
    if (this.#handler === undefined) return
    const { desk, generation } = this.#options
    switch (message.type) {
      case 'welcome':
        return message.membership === 'APPROVED' ? desk.listen(this.peer, this) : desk.unlisten(this.peer, this)
      case 'parcel':
        return desk.take(this.peer, generation, message.messages, () => this.#hear({ type: 'ack', seq: message.seq }))
      case 'ack':
        return this.#settle(message.seq)
      case 'heartbeat':
    }
  }

  report(report: ReportMessage): void {
    this.#sent += 1
    if (isLast(report)) this.#unsettled.push({ seq: this.#sent, executionId: report.executionId })
    this.#hearSoon({ type: 'parcel', seq: this.#sent, mark: MARK, messages: [report] })
  }

  refresh(node: NodeInfo): void {
    this.#hear({ type: 'heartbeat', node })
  }

  close(): void {
    this.end(undefined)
  }

  abort(error: Error): void {
    this.end(error)
  }

  end(error: Error | undefined): void {
    const handler = this.#handler
    if (handler === undefined) return
    this.#handler = undefined
    this.#beat?.cancel()
    this.#options.desk.unlisten(this.peer, this)
    this.#options.onEnd?.()
    handler.onClose(error)
  }

  #beatLater(): void {
    const { clock, isConnected } = this.#options
    this.#beat = clock.after(LIMITS.linkHeartbeat, () => {
      if (isConnected()) this.#hear({ type: 'heartbeat' })
      else this.#handler?.onSign?.()
      if (this.#handler !== undefined) this.#beatLater()
    })
  }

  /** A receiver never runs inside of a send. */
  #hearSoon(message: ComputeMessage): void {
    queueMicrotask(() => this.#hear(message))
  }

  #hear(message: ComputeMessage): void {
    try {
      this.#handler?.onMessage(message)
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #settle(seq: number): void {
    const { desk } = this.#options
    for (let [first] = this.#unsettled; first !== undefined && first.seq <= seq; [first] = this.#unsettled) {
      desk.settled(this.peer, first.executionId)
      this.#unsettled.shift()
    }
  }
}

const isLast = ({ type }: ReportMessage): boolean => type !== 'accepted' && type !== 'progress'
