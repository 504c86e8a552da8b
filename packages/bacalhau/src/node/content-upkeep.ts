import { statfs } from 'node:fs/promises'
import type { Content } from '../content/content.ts'
import { releaseOldResults } from '../publishers/ipfs/result-pins.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'

/** Content may grow by this part of itself, and by this many bytes, before a collection is worth its work. */
const GROWTH = 1 / 4
const LEAST = 1024 ** 3
/** A disk with less than this part free is about to be full; then a collection is tried this often. Milliseconds. */
const SCARCE = 0.1
const URGENT = 60 * 60_000

export interface ContentUpkeepOptions {
  readonly content: Pick<Content, 'collect' | 'footprint' | 'pinNames' | 'unpinAll'>
  readonly clock: Clock
  readonly logger: Logger
  /** Days for which results are kept that this node has published. */
  readonly resultDays: number
  /** The free part of the disk, 0 to 1. */
  readonly freeSpace: () => Promise<number>
}

export interface ContentUpkeep extends Stoppable {
  /** The disk is nearly full: collects now, if it has not done so a moment ago. */
  relieve(): void
}

/** Lets go of old results, and collects what nobody keeps any more, at a pace that the growth of the content sets. */
export function startContentUpkeep(options: ContentUpkeepOptions): ContentUpkeep {
  const { content, clock, logger, resultDays, freeSpace } = options
  const stopping = new AbortController()
  let size = content.footprint()
  let collectedAt = -Infinity
  let busy = false
  let working: Promise<void> = Promise.resolve()
  let timer: Timer

  async function isDue(): Promise<boolean> {
    if (releaseOldResults(content, clock.now(), resultDays) > 0) return true
    if (content.footprint() - size > Math.max(LEAST, size * GROWTH)) return true
    return clock.monotonic() - collectedAt >= URGENT && (await freeSpace()) < SCARCE
  }

  async function look(pressed: boolean): Promise<void> {
    busy = true
    try {
      if (pressed || (await isDue())) {
        collectedAt = clock.monotonic()
        const { blocks, bytes } = await content.collect(stopping.signal)
        size = content.footprint()
        logger.info({ blocks, bytes }, 'content that nobody keeps was removed')
      }
    } catch (error) {
      if (!stopping.signal.aborted) logger.warn({ error: messageOf(error) }, 'content could not be collected')
    }
    busy = false
    if (!stopping.signal.aborted) schedule()
  }

  function schedule(): void {
    timer = clock.after(LIMITS.housekeeping, () => {
      working = look(false)
    })
  }

  schedule()
  return {
    relieve() {
      if (busy || stopping.signal.aborted || clock.monotonic() - collectedAt < LIMITS.housekeeping) return
      timer.cancel()
      working = look(true)
    },
    async stop() {
      stopping.abort(new Error('this node is being stopped'))
      timer.cancel()
      await working
    },
  }
}

/** The part of the disk below `folder` that this process may still fill. */
export async function freePartOf(folder: string): Promise<number> {
  const { bavail, blocks } = await statfs(folder)
  return blocks === 0 ? 1 : bavail / blocks
}
