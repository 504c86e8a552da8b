import type { ComputeChannel } from '../link/link-protocol.ts'
import type { LinkSession } from '../link/post-office.ts'
import { retryPause } from '../network/backoff.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'

export interface OrchestratorLinksOptions {
  readonly open: (peerId: string, signal: AbortSignal) => Promise<ComputeChannel>
  readonly start: (channel: ComputeChannel) => LinkSession
  /** A link has fallen silent: the connection below may be dead. */
  readonly doubt: (peerId: string) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** The links of this compute node: one to each peer that it was pointed at, for as long as that peer is connected. */
export interface OrchestratorLinks extends Stoppable {
  connected(peerId: string): void
  disconnected(peerId: string): void
  /** Orchestrators that this node is linked to at the moment. */
  linked(): string[]
}

export function createOrchestratorLinks(options: OrchestratorLinksOptions): OrchestratorLinks {
  const { clock, random, logger } = options
  const keepers = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()
  const sessions = new Map<string, LinkSession>()

  async function keep(peerId: string, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      let session: LinkSession | undefined
      try {
        session = options.start(await options.open(peerId, signal))
        sessions.set(peerId, session)
        const close = () => session?.close()
        signal.addEventListener('abort', close, { once: true })
        const error = await session.ended
        signal.removeEventListener('abort', close)
        logger.debug({ peerId, error: error?.message }, 'a link has ended')
        failures = 1
        if (error !== undefined && !signal.aborted) await options.doubt(peerId)
      } catch (error) {
        // A peer that only computes, or an orchestrator that is still starting.
        failures += 1
        logger.debug({ peerId, error: messageOf(error) }, 'no link to this peer')
      }
      if (sessions.get(peerId) === session) sessions.delete(peerId)
      await sleep(clock, retryPause(failures, random), signal).catch(() => undefined)
    }
  }

  return {
    connected(peerId) {
      if (keepers.has(peerId)) return
      const abort = new AbortController()
      keepers.set(peerId, { abort, done: keep(peerId, abort.signal) })
    },
    disconnected(peerId) {
      keepers.get(peerId)?.abort.abort(new Error('the peer is gone'))
      keepers.delete(peerId)
    },
    linked: () => [...sessions.keys()],
    async stop() {
      const ending = [...keepers.values()]
      keepers.clear()
      for (const { abort } of ending) abort.abort(new Error('the node is stopping'))
      await Promise.all(ending.map(({ done }) => done))
    },
  }
}
