import type { NodeInfo } from '@bacalhau/models'
import { isLoopback } from '../../../network/addresses.ts'
import type { Swarm } from '../../../network/swarm.ts'
import { type Clock, sleep } from '../../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { KnownNode, NodeDirectory } from '../../facts/known-node.ts'
import type { OrchestratorChannel } from '../../link-protocol.ts'
import type { Speaker } from '../wire/rpc.ts'
import { goProtocol } from './guarantees.ts'
import { createGoChannel, type GoChannel } from './go-channel.ts'
import type { GoDesk } from './go-desk.ts'
import type { Worker } from './node-memory.ts'

export interface GoNodesOptions {
  readonly directory: NodeDirectory
  readonly swarm: Pick<Swarm, 'peerId' | 'isConnected' | 'onPeer'>
  /** Multiaddr that a connected peer is seen at. */
  readonly addressOf: (peer: string) => string | undefined
  /** Tries to connect to a peer at these multiaddrs, and wherever else it was seen. */
  readonly dial: (peer: string, addresses: readonly string[], signal: AbortSignal) => Promise<void>
  readonly desk: GoDesk
  readonly clock: Clock
  readonly logger: Logger
  /** May this peer work for us? */
  readonly admits: (speaker: Speaker) => boolean
  /** What a node shows that the operator has allowed by name. */
  readonly joinTokenOf: (peer: string) => string | undefined
  readonly attach: (channel: OrchestratorChannel) => void
}

/** The pause between two tries to reach a node whose connection is gone, and before one whose channel ended is presented anew. */
const [REDIAL, AGAIN] = [3_000, 2_000]

/**
 * Presents the Go compute nodes of the swarm to the orchestrator, each for as long as it is there: it has told its facts lately,
 * is trusted, and can be reached. One that was cut off has `LIMITS.goAbsence` to come back, for Go nodes redial by themselves.
 */
export function keepGoNodes(options: GoNodesOptions): Stoppable {
  return new GoNodes(options)
}

class GoNodes implements Stoppable {
  readonly #options: GoNodesOptions
  readonly #channels = new Map<string, GoChannel>()
  readonly #absences = new Map<string, AbortController>()
  readonly #stopped = new AbortController()
  readonly #releases: readonly (() => void)[]

  constructor(options: GoNodesOptions) {
    this.#options = options
    const { swarm, directory } = options
    this.#releases = [
      swarm.onPeer((peerId, connected) => this.#onPeer(peerId, connected)),
      directory.watch((node, gone) =>
        gone ? this.#leave(node.peerId, 'the node has not told its facts for long') : this.#consider(node),
      ),
    ]
    for (const node of directory.nodes()) this.#consider(node)
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the node is stopping'))
    for (const release of this.#releases) release()
    for (const channel of this.#channels.values()) channel.close()
  }

  #consider(node: KnownNode): void {
    const { swarm } = this.#options
    const { peerId } = node
    if (node.kind !== 'go' || peerId === swarm.peerId) return
    if (node.role !== 'Compute' || node.leaving) return this.#leave(peerId, 'the node does not compute any more')
    const present = this.#channels.get(peerId)
    if (present !== undefined) return present.refresh(infoOf(node))
    this.#welcome(node)
  }

  #welcome(worker: Worker): void {
    const { swarm, addressOf, admits } = this.#options
    const { peerId } = worker
    if (this.#channels.has(peerId)) return
    const address = swarm.isConnected(peerId) ? addressOf(peerId) : undefined
    if (address !== undefined && admits({ peer: peerId, address })) this.#enter(worker, address)
  }

  #reconsider(peerId: string): void {
    if (this.#stopped.signal.aborted) return
    const { directory, desk } = this.#options
    const node = directory.find(peerId)
    if (node !== undefined) return this.#consider(node)
    // It was here before this node was started anew, and is going to tell its facts again.
    const worker = desk.remembered(peerId)
    if (worker !== undefined) this.#welcome(worker)
  }

  #enter(worker: Worker, address: string): void {
    const { peerId, generation, version } = worker
    const { swarm, logger, attach, joinTokenOf, desk } = this.#options
    const joinToken = joinTokenOf(peerId)
    const channel: GoChannel = createGoChannel({
      ...this.#options,
      peer: peerId,
      generation,
      info: infoOf(worker),
      sameMachine: isLoopback(address) && !address.includes('/p2p-circuit'),
      ...(joinToken === undefined ? {} : { joinToken }),
      isConnected: () => swarm.isConnected(peerId),
      onEnd: () => this.#onEnd(peerId, channel),
    })
    this.#channels.set(peerId, channel)
    desk.enter(worker)
    logger.info({ node: peerId, version }, 'a compute node of the Go program is there')
    attach(channel)
  }

  #onEnd(peerId: string, channel: GoChannel): void {
    if (this.#channels.get(peerId) !== channel) return
    this.#channels.delete(peerId)
    this.#options.desk.leave(peerId)
    this.#endAbsence(peerId)
    // Whatever ended it, a node that is still there is presented anew.
    this.#options.clock.after(AGAIN, () => this.#reconsider(peerId))
  }

  #leave(peerId: string, reason: string): void {
    this.#channels.get(peerId)?.end(new BacalhauError('PeerUnreachable', reason))
  }

  #onPeer(peerId: string, connected: boolean): void {
    const wasAbsent = this.#endAbsence(peerId)
    if (connected) {
      this.#reconsider(peerId)
      if (wasAbsent) this.#options.desk.inquire(peerId)
    } else if (this.#channels.has(peerId)) {
      const absence = new AbortController()
      this.#absences.set(peerId, absence)
      this.#awaitBack(peerId, AbortSignal.any([absence.signal, this.#stopped.signal])).catch(() => undefined)
    }
  }

  /** Was one under way? */
  #endAbsence(peerId: string): boolean {
    this.#absences.get(peerId)?.abort(new Error('there is nothing to wait for any more'))
    return this.#absences.delete(peerId)
  }

  /** Dials a node whose connection is gone, until it is back or its time is over. */
  async #awaitBack(peerId: string, signal: AbortSignal): Promise<void> {
    const { clock, swarm, directory, dial, logger } = this.#options
    const end = clock.monotonic() + LIMITS.goAbsence
    while (clock.monotonic() < end) {
      await sleep(clock, REDIAL, signal)
      if (swarm.isConnected(peerId)) return
      await dial(peerId, directory.find(peerId)?.addresses ?? [], signal).catch((error: unknown) => {
        logger.debug({ peer: peerId, error: messageOf(error) }, 'a Go node cannot be reached')
      })
    }
    signal.throwIfAborted()
    if (!swarm.isConnected(peerId)) this.#leave(peerId, 'the node cannot be reached')
  }
}

/** What it speaks is not among what such a node tells. */
const infoOf = ({ info, version }: Pick<Worker, 'info' | 'version'>): NodeInfo => ({
  ...info,
  SupportedProtocols: [goProtocol(version)],
})
