import { withDeadline } from '../../runtime/abort.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
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
  /** Told how many bytes more have come. */
  readonly onBytes?: (count: number) => void
}

/** One way to get content from a peer. */
export interface Exchange {
  /** For logs and messages. */
  readonly name: string
  /** Who is asked, when that is not the peers of the swarm. */
  readonly peers?: readonly string[]
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
  /** Peers that are known of; asked, by connecting to them, when no connected one has the content. */
  readonly known?: () => readonly string[]
  readonly clock: Clock
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
  context: FetchContext,
): Promise<void> {
  const lookup = withDeadline(options.signal, LIMITS.contentLookup)
  const hinted = options.hints.slice(0, LIMITS.contentPeers)
  const others = context.connected().filter((peer) => !hinted.includes(peer))
  const near = [hinted, others.slice(0, LIMITS.contentPeers - hinted.length)]
  const asked = near.flat()
  const far = (context.known?.() ?? []).filter((peer) => !asked.includes(peer)).slice(0, ASK_AT_ONCE)
  for (;;) {
    const outcome = await inTurn([near, [far]], { selection, batch, options, lookup }, context)
    if (outcome === 'done') return
    const { failures, busy } = outcome
    if (!busy || lookup.aborted) throw notFound(selection, [...asked, ...far], failures)
    await sleep(context.clock, BUSY_PAUSE, options.signal)
  }
}

/** After so many milliseconds a peer that has the content, but is busy, is asked again. */
const BUSY_PAUSE = 1_000

interface Attempt {
  readonly selection: Selection
  readonly batch: BlockBatch
  readonly options: FetchOptions
  /** Aborts when there has been enough looking around. */
  readonly lookup: AbortSignal
  /** Whom to ask; the first group before the second. */
  readonly groups: readonly (readonly string[])[]
}

/** The next step only when none of the one before has the content; at last whoever is not of the swarm. */
async function inTurn(
  steps: readonly (readonly (readonly string[])[])[],
  what: Omit<Attempt, 'groups'>,
  context: FetchContext,
): Promise<Outcome> {
  const failures: string[] = []
  let busy = false
  const swarm = context.exchanges.filter(({ peers }) => peers === undefined)
  const attempts = [
    ...steps.map((groups) => ({ exchanges: swarm, groups })),
    ...context.exchanges.map((exchange) => ({ exchanges: [exchange], groups: [exchange.peers ?? []] })),
  ]
  for (const { exchanges, groups } of attempts) {
    const outcome = await attempt({ ...what, groups }, { ...context, exchanges })
    if (outcome === 'done') return outcome
    failures.push(...outcome.failures)
    busy ||= outcome.busy
  }
  return { failures, busy }
}

type Outcome = 'done' | { readonly failures: readonly string[]; readonly busy: boolean }

async function attempt(
  { selection, batch, options, lookup, groups }: Attempt,
  { exchanges, logger }: FetchContext,
): Promise<Outcome> {
  const failures: string[] = []
  let busy = false
  for (const exchange of exchanges) {
    for (const group of groups) {
      for await (const peer of holders(group, (peer) => exchange.ask(peer, selection, lookup))) {
        try {
          await exchange.download(peer, selection, batch, options)
          return 'done'
        } catch (error) {
          options.signal.throwIfAborted()
          if (isFinal(error)) throw error
          busy ||= isBacalhauError(error) && error.code === 'TooManyRequests'
          failures.push(`${peer}: ${messageOf(error)}`)
          logger.warn({ peer, exchange: exchange.name, error: messageOf(error) }, 'a peer could not send content')
        }
      }
      options.signal.throwIfAborted()
    }
  }
  return { failures, busy }
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
  return new BacalhauError(
    'ContentNotFound',
    `${what} is not on this node and could not be fetched: ${why.replace(/\.$/, '')}.`,
    {
      hint: 'Check the CID, and that a node that has it is running and connected (`bacalhau node list`).',
      details: { cid: selection.cid.toString(), asked: String(asked.length) },
    },
  )
}
