import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { isLoopback } from '../../../network/addresses.ts'
import { type Clock, sleep } from '../../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Random } from '../../../runtime/random.ts'
import { Journal } from '../../../store/journal.ts'
import type { Store } from '../../../store/store.ts'
import type { ComputeChannel } from '../../link-protocol.ts'
import type { LogReader } from '../../logs.ts'
import type { LinkSession } from '../../post-office.ts'
import { sendCallback, type Speaker } from '../wire/rpc.ts'
import { handleCalls } from './calls.ts'
import { handleLogs } from './logs.ts'
import { handleLogsB } from './logs-b.ts'
import { RequesterDesk, type RequesterDeskOptions } from './requester-desk.ts'
import { TakenTable } from './taken-table.ts'

export interface GoRequestersOptions extends Pick<RequesterDeskOptions, 'clock' | 'random' | 'logger' | 'consider'> {
  readonly host: Libp2p
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** May this peer give work to this node? */
  readonly admits: (speaker: Speaker) => boolean
  /** Are those that may not told so? */
  readonly answersStrangers: boolean
  /** Presents our compute node to a requester that appears as an orchestrator. */
  readonly attach: (channel: ComputeChannel) => LinkSession
  readonly readLogs: LogReader
}

/** The requesters of the Go program that this node works for. Stopping leaves them a moment to take the last reports. */
export interface GoRequesters extends Stoppable {
  /** Those that have asked something of this node, or may. */
  peers(): string[]
  /** A requester that may give work to this node is there. */
  connected(peer: string): void
}

/** Milliseconds between the end of one channel and the next; and between two looks for bids that nobody took up. */
const [AGAIN, SWEEP] = [1_000, 60 * 60_000]

/** Takes work of Go requesters. To be called before the first peer is dialled, so that it learns of the protocols. */
export async function serveGoRequesters(options: GoRequestersOptions): Promise<GoRequesters> {
  const journal = new Journal(options)
  const table = new TakenTable(journal)
  await table.load(options.store, options.logger)
  const requesters = new Requesters(options, table, journal)
  await requesters.start()
  return requesters
}

class Requesters implements GoRequesters {
  readonly #options: GoRequestersOptions
  readonly #table: TakenTable
  readonly #journal: Journal
  readonly #desks = new Map<string, RequesterDesk>()
  readonly #stopping = new AbortController()
  readonly #services: Stoppable[] = []
  #onPeer: ((event: CustomEvent<{ toString(): string }>) => void) | undefined

  constructor(options: GoRequestersOptions, table: TakenTable, journal: Journal) {
    this.#options = options
    this.#table = table
    this.#journal = journal
  }

  async start(): Promise<void> {
    const { host } = this.#options
    const deskOf = (speaker: Speaker) => this.#desk(speaker.peer, speaker.address)
    this.#services.push(
      ...(await handleCalls(this.#options, deskOf)),
      await handleLogs(this.#options, this.#table),
      ...(await handleLogsB(this.#options, this.#table)),
    )
    this.#onPeer = ({ detail }) => this.#desks.get(detail.toString())?.hurry()
    host.addEventListener('peer:connect', this.#onPeer)
    for (const requester of this.#table.requesters()) {
      await this.#remember(requester)
      this.#desk(requester).recover()
    }
    this.#sweep()
  }

  peers(): string[] {
    return [...this.#desks.keys()]
  }

  connected(peer: string): void {
    if (this.#desks.has(peer) || this.#desks.size < LIMITS.goRequesters) this.#desk(peer).hurry()
  }

  async stop(): Promise<void> {
    const { host, clock } = this.#options
    this.#stopping.abort(new Error('the node is stopping'))
    if (this.#onPeer !== undefined) host.removeEventListener('peer:connect', this.#onPeer)
    const desks = [...this.#desks.values()]
    for (const until = clock.monotonic() + LIMITS.goFarewell; clock.monotonic() < until; await sleep(clock, 20))
      if (desks.every(({ isIdle }) => isIdle)) break
    await Promise.all(this.#services.map((service) => service.stop()))
    for (const desk of desks) desk.stop()
    await this.#journal.stop()
  }

  #desk(requester: string, address = ''): RequesterDesk {
    const known = this.#desks.get(requester)
    if (known !== undefined) return known
    if (this.#desks.size >= LIMITS.goRequesters) throw new BacalhauError('TooManyRequests', 'too many Go requesters')
    const { host } = this.#options
    const desk = new RequesterDesk({
      ...this.#options,
      requester,
      self: host.peerId.toString(),
      sameMachine: isLoopback(address),
      table: this.#table,
      journal: this.#journal,
      send: ({ protocol, message }, signal) => sendCallback(host, requester, protocol, message, { signal }),
    })
    this.#desks.set(requester, desk)
    void this.#present(desk)
    return desk
  }

  /** Our compute node works for the requester over one channel after another. */
  async #present(desk: RequesterDesk): Promise<void> {
    const { attach, clock, logger } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const error = await attach(desk.openChannel()).ended
      if (signal.aborted) return
      logger.debug({ error: error?.message }, 'the channel of a Go requester has ended')
      await sleep(clock, AGAIN, signal).catch(() => undefined)
    }
  }

  /** Where it was seen before this node was restarted, so that it can be called back. */
  async #remember(requester: string): Promise<void> {
    const { host, logger } = this.#options
    const addresses = this.#table.all(requester).flatMap(({ taken }) => taken.addresses)
    try {
      await host.peerStore.merge(peerIdFromString(requester), {
        multiaddrs: [...new Set(addresses)].map((address) => multiaddr(address)),
      })
    } catch (error) {
      logger.debug({ requester, error: messageOf(error) }, 'the addresses of a Go requester cannot be used')
    }
  }

  /** The program takes no bid back, and tells nobody that it was not taken up. */
  #sweep(): void {
    const { clock } = this.#options
    const before = clock.now() - LIMITS.goBidLife
    for (const entry of this.#table.all()) {
      const { phase, since } = entry.taken
      if (since < before && (phase === 'bid' || phase === 'proposed')) this.#table.end(entry, 'Cancelled')
    }
    const timer = clock.after(SWEEP, () => this.#sweep())
    this.#stopping.signal.addEventListener('abort', () => timer.cancel(), { once: true })
  }
}
