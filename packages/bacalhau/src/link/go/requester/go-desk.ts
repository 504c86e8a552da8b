import type { Job, OrderMessage, ReportMessage } from '@bacalhau/models'
import type { Clock, Timer } from '../../../runtime/clock.ts'
import { isBacalhauError, messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import { type Asked, type AskedEvent, type Call, standing, step } from './asked.ts'
import { AskedTable, type AskSource, type Entry } from './asked-table.ts'
import type { GoCall, GoCaller } from './caller.ts'
import { createGates } from './gates.ts'
import { NodeMemory, type Worker } from './node-memory.ts'

export interface GoDeskOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly call: GoCaller
  /** The job with the data of its inline inputs in it: a Go node does not get them from here. Throws when they are lost. */
  readonly restore: (job: Job, signal: AbortSignal) => Promise<Job>
}

/** Where the reports of one node go while somebody listens. */
export interface Listener {
  readonly report: (report: ReportMessage) => void
}

const ANSWERS: Readonly<Record<Call, AskedEvent['type'] | undefined>> = {
  ask: 'ask answered',
  accept: 'accept answered',
  reject: 'stop answered',
  cancel: 'stop answered',
  'accept result': 'result answered',
  'reject result': undefined,
}

/**
 * Looks after everything that nodes of the Go program were asked to run, whether they are there or not. What happens is decided
 * by `asked.ts`; here it is kept, and made to happen once it is durable.
 */
export class GoDesk implements Stoppable {
  readonly #options: GoDeskOptions
  readonly #journal: Journal
  readonly #table: AskedTable
  readonly #memory: NodeMemory
  readonly #listeners = new Map<string, Listener>()
  readonly #gates = createGates(LIMITS.goCallsAtOnce)
  readonly #stopped = new AbortController()
  /** Calls that are under way, by execution: the same one need not be made twice at a time. */
  readonly #calling = new Set<string>()
  #look: Timer | undefined

  static async open(options: GoDeskOptions): Promise<GoDesk> {
    const desk = new GoDesk(options)
    await desk.#table.load(options.store, options.logger)
    await desk.#memory.load(options.store, options.logger)
    desk.#lookLater()
    return desk
  }

  private constructor(options: GoDeskOptions) {
    this.#options = options
    this.#journal = new Journal(options)
    this.#table = new AskedTable({ journal: this.#journal, clock: options.clock })
    this.#memory = new NodeMemory(this.#journal)
  }

  /** A node works for us from now on. */
  enter(worker: Worker): void {
    this.#memory.note(worker)
  }

  /** A node is gone, and is remembered only as long as there is something of ours. */
  leave(peer: string): void {
    if (this.#table.of(peer).length === 0) this.#memory.drop(peer)
  }

  /** A node that has something of ours, as it was when it was last there. */
  remembered(peer: string): Worker | undefined {
    return this.#table.of(peer).length === 0 ? undefined : this.#memory.get(peer)
  }

  held(peer: string) {
    return this.#table.held(peer)
  }

  /**
   * The node is there, and `listener` hears of what becomes of its executions: first how they stand. Those that have not ended
   * are asked about, for nobody knows what was missed.
   */
  listen(peer: string, listener: Listener): void {
    this.#listeners.set(peer, listener)
    for (const [id, { asked, source }] of this.#table.of(peer)) {
      for (const report of standing(id, asked)) listener.report(report)
      // An ask of a former process may have arrived or not, and what it was made of is gone.
      const isLost = asked.phase === 'asking' && source === undefined
      this.tell(peer, id, { type: isLost ? 'stop' : 'silence' })
    }
  }

  /** The connection to the node was gone for a while: whatever is out there is asked about. */
  inquire(peer: string): void {
    for (const [id] of this.#table.of(peer)) this.tell(peer, id, { type: 'silence' })
  }

  unlisten(peer: string, listener: Listener): void {
    if (this.#listeners.get(peer) === listener) this.#listeners.delete(peer)
  }

  /** Takes orders for `peer`; `done` is called when they are durable. */
  take(peer: string, generation: Asked['generation'], orders: readonly OrderMessage[], done: () => void): void {
    for (const order of orders) {
      if (order.type === 'cancel') this.tell(peer, order.executionId, { type: 'stop' })
      else this.#offer(peer, generation, order)
    }
    this.#journal.after(done)
  }

  /** Something has come of an execution at `peer`. Of one that the peer was not asked for, nothing follows but that it is not wanted. */
  tell(peer: string, executionId: string, event: AskedEvent): void {
    const entry = this.#table.get(executionId)
    if (entry === undefined) return this.#disown(peer, executionId, event)
    if (entry.asked.peer !== peer) return
    if (event.type !== 'silence') entry.heard = this.#options.clock.monotonic()
    const { next, call, reports } = step(executionId, entry.asked, event)
    const { generation } = entry.asked
    this.#table.set(executionId, next)
    if (call === undefined && reports.length === 0) return
    this.#journal.after(() => {
      for (const report of reports) this.#listeners.get(peer)?.report(report)
      if (call !== undefined) void this.#call(entry, { call, executionId, peer, generation })
    })
  }

  /** The orchestrator has the last report of it, durably. */
  settled(peer: string, executionId: string): void {
    const entry = this.#table.get(executionId)
    if (entry?.asked.peer === peer && entry.asked.phase === 'over') this.#table.set(executionId, undefined)
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the node is stopping'))
    this.#look?.cancel()
    this.#listeners.clear()
    await this.#journal.stop()
  }

  #offer(peer: string, generation: Asked['generation'], offer: Extract<OrderMessage, { type: 'offer' }>): void {
    for (const { id: executionId, partition } of offer.executions) {
      const known = this.#table.get(executionId)
      if (known !== undefined) continue
      const source: AskSource = { job: offer.job, partition, resources: offer.resources }
      const publishes = !['', 'noop'].includes(offer.job.Tasks[0]?.Publisher.Type.toLowerCase() ?? '')
      const asked: Asked = { peer, jobId: offer.job.ID, generation, phase: 'asking', publishes }
      this.#table.add(executionId, asked, source)
      const entry = this.#table.get(executionId)
      if (entry === undefined) continue
      this.#journal.after(() => void this.#call(entry, { call: 'ask', executionId, peer, generation }))
    }
  }

  /** A bid that nobody waits for would keep room there for ever. Only of a node that works for us. */
  #disown(peer: string, executionId: string, event: AskedEvent): void {
    if (!this.#listeners.has(peer) || event.type !== 'bid' || !event.accepted) return
    if (this.#calling.size >= LIMITS.heldExecutions) return
    void this.#call(undefined, { call: 'reject', executionId, peer, generation: 'c' })
  }

  /** Never rejects. */
  async #call(entry: Entry | undefined, call: GoCall): Promise<void> {
    const name = `${call.call} ${call.executionId}`
    if (this.#calling.has(name) || this.#stopped.signal.aborted) return
    this.#calling.add(name)
    const event = await this.#gates(call.peer, () => this.#make(entry, call))
    this.#calling.delete(name)
    if (event !== undefined && !this.#stopped.signal.aborted) this.tell(call.peer, call.executionId, event)
  }

  /** What came of a call; undefined where the silence that follows will see to it. */
  async #make(entry: Entry | undefined, call: GoCall): Promise<AskedEvent | undefined> {
    if (call.call === 'ask') return this.#ask(entry, call)
    try {
      const error = await this.#options.call(call, this.#stopped.signal)
      return answered(ANSWERS[call.call], error)
    } catch (error) {
      const { executionId, peer } = call
      this.#options.logger.debug(
        { peer, executionId, call: call.call, error: messageOf(error) },
        'a Go node was not reached',
      )
      return undefined
    }
  }

  async #ask(entry: Entry | undefined, call: GoCall): Promise<AskedEvent | undefined> {
    const { clock, logger, restore } = this.#options
    const { signal } = this.#stopped
    for (let tries = 1; ; tries++) {
      const source = entry?.asked.phase === 'asking' ? entry.source : undefined
      // Something has come in of it, or it has been given up.
      if (source === undefined) return undefined
      try {
        const job = await restore(source.job, signal)
        return answered('ask answered', await this.#options.call({ ...call, source: { ...source, job } }, signal))
      } catch (error) {
        const reason = messageOf(error)
        const { executionId, peer } = call
        logger.debug({ peer, executionId, error: reason }, 'a Go node could not be asked')
        if (!isBacalhauError(error) || error.code !== 'PeerUnreachable') return { type: 'bid', accepted: false, reason }
        if (tries >= LIMITS.goAsks) return { type: 'not asked', reason }
      }
      await new Promise<void>((resolve) => clock.after(LIMITS.goAskPause, resolve))
      if (signal.aborted) return undefined
    }
  }

  #lookLater(): void {
    this.#look = this.#options.clock.after(LIMITS.goLook, () => {
      this.#lookAround()
      this.#lookLater()
    })
  }

  /** Go nodes tell things once, to whoever is there: who is silent for long is asked. */
  #lookAround(): void {
    const now = this.#options.clock.monotonic()
    for (const peer of this.#table.peers()) {
      if (!this.#listeners.has(peer)) this.#forgetOld(peer, now - LIMITS.goMemory)
      else
        for (const [id, entry] of this.#table.of(peer)) {
          if (now - entry.heard < patienceWith(entry.asked)) continue
          entry.heard = now
          this.tell(peer, id, { type: 'silence' })
        }
    }
  }

  /** Of a node that never came back nothing needs to be known for ever. */
  #forgetOld(peer: string, before: number): void {
    for (const [id, { heard }] of this.#table.of(peer)) if (heard < before) this.#table.set(id, undefined)
    this.leave(peer)
  }
}

function patienceWith({ phase, ended }: Asked): number {
  const isDue = ended !== undefined || phase === 'accepting' || phase === 'stopping'
  return isDue ? LIMITS.goPatience : LIMITS.goSilence
}

function answered(type: AskedEvent['type'] | undefined, error: string | undefined): AskedEvent | undefined {
  switch (type) {
    case 'ask answered':
    case 'accept answered':
    case 'stop answered':
    case 'result answered':
      return { type, error }
    default:
      return undefined
  }
}
