import type { ComputeMessage, OrchestratorMessage, OrderMessage, ReportMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { ChannelHandler } from '../../channel.ts'
import type { ComputeChannel } from '../../link-protocol.ts'

export interface RequesterChannelOptions {
  readonly requester: string
  readonly sameMachine: boolean
  readonly clock: Clock
  /** Name of the conversation; another one with each channel, so that ends that were not acknowledged are told again. */
  readonly conversation: string
  /** Our compute node is there, and holds these executions. */
  readonly onHello: (held: ReadonlySet<string>) => void
  /** Resolves when the report need not be told again. */
  readonly onReport: (report: ReportMessage) => Promise<void>
  readonly onEnd: () => void
}

/** A channel whose far side is made up: an orchestrator that approves of the node, and speaks for a Go requester. */
export interface RequesterChannel extends ComputeChannel {
  order(message: OrderMessage): void
}

/** Tells apart the parcels of this orchestrator's lives. Each has a conversation of its own, so one is enough. */
const MARK = 'go'

export function createRequesterChannel(options: RequesterChannelOptions): RequesterChannel {
  return new MadeUpOrchestrator(options)
}

class MadeUpOrchestrator implements RequesterChannel {
  readonly translated = true
  readonly #options: RequesterChannelOptions
  #handler: ChannelHandler<OrchestratorMessage> | undefined
  #ended = false
  #beat: Timer | undefined
  #ordered = 0
  #acknowledged = 0
  /** Parcels of reports that are not settled, oldest first. */
  readonly #open: { readonly seq: number; settled: boolean }[] = []

  constructor(options: RequesterChannelOptions) {
    this.#options = options
  }

  get peer(): string {
    return this.#options.requester
  }

  get sameMachine(): boolean {
    return this.#options.sameMachine
  }

  start(handler: ChannelHandler<OrchestratorMessage>): void {
    this.#handler = handler
    this.#heartbeat()
  }

  /** A receiver never runs inside of a send. */
  send(message: ComputeMessage): void {
    if (!this.#ended) queueMicrotask(() => this.#take(message))
  }

  order(message: OrderMessage): void {
    this.#ordered += 1
    this.#say({ type: 'parcel', seq: this.#ordered, mark: MARK, messages: [message] })
  }

  /** What was sent before is still taken. */
  close(): void {
    queueMicrotask(() => this.#end(undefined))
  }

  abort(error: Error): void {
    this.#end(error)
  }

  #take(message: ComputeMessage): void {
    if (message.type === 'hello') return this.#greet(new Set(message.held.map(({ executionId }) => executionId)))
    if (message.type !== 'parcel') return
    const parcel = { seq: message.seq, settled: false }
    this.#open.push(parcel)
    void Promise.all(message.messages.map((report) => this.#options.onReport(report))).then(() => {
      parcel.settled = true
      this.#acknowledge()
    })
  }

  #greet(held: ReadonlySet<string>): void {
    const { conversation, onHello } = this.#options
    this.#say({
      type: 'welcome',
      membership: 'APPROVED',
      message: '',
      storeGeneration: MARK,
      conversation: { id: conversation, received: { seq: 0, mark: '' } },
    })
    onHello(held)
  }

  #acknowledge(): void {
    const before = this.#acknowledged
    for (let first = this.#open[0]; first?.settled === true; first = this.#open[0]) {
      this.#acknowledged = first.seq
      this.#open.shift()
    }
    if (this.#acknowledged !== before) this.#say({ type: 'ack', seq: this.#acknowledged })
  }

  #heartbeat(): void {
    if (this.#ended) return
    this.#say({ type: 'heartbeat' })
    this.#beat = this.#options.clock.after(LIMITS.linkHeartbeat, () => this.#heartbeat())
  }

  #say(message: OrchestratorMessage): void {
    queueMicrotask(() => {
      if (this.#ended) return
      try {
        this.#handler?.onMessage(message)
      } catch (error) {
        this.#end(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#beat?.cancel()
    this.#handler?.onClose(error)
    this.#options.onEnd()
  }
}
