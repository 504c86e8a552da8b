import { withDeadline } from '../../runtime/abort.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { BlockBatch } from '../blocks/block-batch.ts'
import { formatContentRef } from '../cid.ts'
import type { Selection } from '../selection.ts'

export interface FetchOptions {
  readonly signal: AbortSignal
  /** Peer IDs that are said to have the content; asked first, and dialled if need be. */
  readonly hints: readonly string[]
  readonly maxBytes: number
}

/** One way to get content from a peer. */
export interface Exchange {
  /** For logs and messages. */
  readonly name: string
  /** Does `peer` have the selection? Answers within a bound, false when it cannot be asked. */
  ask(peer: string, selection: Selection, signal: AbortSignal): Promise<boolean>
  /** Brings what `batch` lacks of the selection; what came before a failure stays in the batch. */
  download(peer: string, selection: Selection, batch: BlockBatch, options: Omit<FetchOptions, 'hints'>): Promise<void>
}

export interface FetchContext {
  /** Ways to get content, the best first. */
  readonly exchanges: readonly Exchange[]
  /** Peers that we are connected to. */
  readonly connected: () => readonly string[]
  readonly logger: Logger
}

/** Questions under way at the same time. */
const ASK_AT_ONCE = 16

/**
 * Completes the selection in `batch` from the swarm: asks the hinted peers, then all connected ones, and takes the content
 * from the first that has it, going on with the next where one fails. Looking around ends after `LIMITS.contentLookup`.
 * Throws `ContentNotFound`, which says who was asked.
 */
export async function fetchSelection(
  selection: Selection,
  batch: BlockBatch,
  options: FetchOptions,
  { exchanges, connected, logger }: FetchContext,
): Promise<void> {
  const lookup = withDeadline(options.signal, LIMITS.contentLookup)
  const others = connected().filter((peer) => !options.hints.includes(peer))
  const hinted = options.hints.slice(0, LIMITS.contentPeers)
  const groups = [hinted, others.slice(0, LIMITS.contentPeers - hinted.length)]
  const failures: string[] = []
  for (const exchange of exchanges) {
    for (const group of groups) {
      for await (const peer of holders(group, (peer) => exchange.ask(peer, selection, lookup))) {
        try {
          return await exchange.download(peer, selection, batch, options)
        } catch (error) {
          options.signal.throwIfAborted()
          if (isFinal(error)) throw error
          failures.push(`${peer}: ${messageOf(error)}`)
          logger.warn({ peer, exchange: exchange.name, error: messageOf(error) }, 'a peer could not send content')
        }
      }
      options.signal.throwIfAborted()
    }
  }
  throw notFound(selection, groups.flat(), failures)
}

/** The peers for which `ask` says yes, in the order in which they answer. */
async function* holders(
  peers: readonly string[],
  ask: (peer: string) => Promise<boolean>,
): AsyncGenerator<string, void, undefined> {
  const waiting = [...peers]
  const asked = new Map<string, Promise<{ peer: string; has: boolean }>>()
  while (waiting.length > 0 || asked.size > 0) {
    for (const peer of waiting.splice(0, ASK_AT_ONCE - asked.size)) {
      const answer = ask(peer).then(
        (has) => ({ peer, has }),
        () => ({ peer, has: false }),
      )
      asked.set(peer, answer)
    }
    const { peer, has } = await Promise.race(asked.values())
    asked.delete(peer)
    if (has) yield peer
  }
}

/** Errors that no other peer would spare us. */
function isFinal(error: unknown): boolean {
  return isBacalhauError(error) && ['NotFound', 'ContentTooLarge', 'DiskFull'].includes(error.code)
}

const NAMED_PEERS = 3

function notFound(selection: Selection, asked: readonly string[], failures: readonly string[]): BacalhauError {
  const what = formatContentRef(selection)
  const named = asked.slice(0, NAMED_PEERS).join(', ') + (asked.length > NAMED_PEERS ? ', …' : '')
  const who = asked.length === 0 ? 'there is no peer to ask' : `asked ${asked.length} peers (${named})`
  const why = failures.length === 0 ? `no one has it; ${who}` : `${who}; ${failures.slice(0, NAMED_PEERS).join('; ')}`
  return new BacalhauError('ContentNotFound', `${what} is not on this node and could not be fetched: ${why}.`, {
    hint: 'Check the CID, and that a node that has it is running and connected (`bacalhau node list`).',
    details: { cid: selection.cid.toString(), asked: String(asked.length) },
  })
}
