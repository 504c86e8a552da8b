import type { CID } from 'multiformats/cid'
import { messageOf } from '../../runtime/error.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { BlockSource } from '../blocks/block-source.ts'
import { keyOf, unsupported } from '../cid.ts'
import type { Want } from './bitswap-message.ts'
import type { Outbox } from './bitswap-outbox.ts'

/** Answers the wants of peers from what is stored. */
export interface BitswapServer {
  receive(peer: string, wants: readonly Want[], full: boolean): void
  forget(peer: string): void
}

/** Wants of one peer that wait for an answer; more are dropped, and the peer asks again. */
const MAX_WANTS = 4_096
/** A message is sent once it has this many bytes of blocks, so that memory does not depend on how much a peer wants. */
const MESSAGE_BYTES = 512 * 1024
/** A peer that asks whether we have so small a block gets it right away. */
const SMALL_BLOCK = 1_024

export function createBitswapServer(
  stored: BlockSource,
  outbox: (peer: string) => Outbox,
  logger: Logger,
): BitswapServer {
  const queues = new Map<string, Map<string, Want>>()

  async function answer(peer: string, queue: Map<string, Want>): Promise<void> {
    try {
      while (queue.size > 0) await outbox(peer).send(await gather(queue, stored))
    } catch (error) {
      logger.debug({ peer, error: messageOf(error) }, 'could not answer by bitswap')
    } finally {
      // In one go with the look at the queue, so that no want can slip in between and be forgotten.
      queues.delete(peer)
    }
  }

  return {
    receive(peer, wants, full) {
      const known = queues.get(peer)
      const queue = known ?? new Map<string, Want>()
      if (full) queue.clear()
      for (const want of wants) {
        if (want.cancel) queue.delete(keyOf(want.cid))
        else if (queue.size < MAX_WANTS) queue.set(keyOf(want.cid), want)
      }
      if (known !== undefined || queue.size === 0) return
      queues.set(peer, queue)
      void answer(peer, queue)
    },
    forget(peer) {
      queues.get(peer)?.clear()
    },
  }
}

/** Takes wants off the queue until their answers fill a message. */
async function gather(queue: Map<string, Want>, stored: BlockSource) {
  const blocks: { cid: CID; block: Uint8Array }[] = []
  const presences: { cid: CID; has: boolean }[] = []
  let bytes = 0
  for (const [key, { cid, haveOnly, sendDontHave }] of queue) {
    queue.delete(key)
    const block = unsupported(cid) === undefined && stored.has(cid) ? await stored.get(cid) : undefined
    if (block === undefined) {
      if (sendDontHave) presences.push({ cid, has: false })
    } else if (haveOnly && block.length > SMALL_BLOCK) {
      presences.push({ cid, has: true })
    } else {
      blocks.push({ cid, block })
      bytes += block.length
    }
    if (bytes >= MESSAGE_BYTES) break
  }
  return { blocks, presences }
}
