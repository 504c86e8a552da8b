import type { CID } from 'multiformats/cid'
import { abortable } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { BlockBatch } from '../blocks/block-batch.ts'
import { blocksOf, type Selection } from '../selection.ts'
import { createAnswers } from './bitswap-answers.ts'
import type { BitswapMessage, Want } from './bitswap-message.ts'
import type { Outbox } from './bitswap-outbox.ts'
import { createWindow, type Window } from './bitswap-window.ts'
import type { Exchange, FetchOptions } from './fetch.ts'

/** Asks peers for blocks, many at a time. */
export interface BitswapClient extends Exchange {
  /** Takes answers from a peer. What was not asked of this peer is ignored. */
  receive(peer: string, message: BitswapMessage): void
}

export function createBitswapClient(outbox: (peer: string) => Outbox, clock: Clock): BitswapClient {
  const answers = createAnswers(clock)

  return {
    name: 'bitswap',
    receive(peer, { blocks, presences }) {
      for (const { cid, block } of blocks) answers.settle(peer, cid, block)
      for (const { cid, has } of presences) answers.settle(peer, cid, has)
    },
    async ask(peer, { cid }, signal) {
      signal.throwIfAborted()
      const answer = answers.expect(peer, cid, LIMITS.contentAnswer)
      const sent = outbox(peer).send({ wants: [want(cid, true)] })
      sent.catch(() => answers.settle(peer, cid, false))
      return (await abortable(answer, signal)) !== false
    },
    download: (peer, selection, batch, options) => {
      const request = (cids: readonly CID[]) => {
        const coming = cids.map((cid) => answers.expect(peer, cid, LIMITS.contentStall))
        outbox(peer)
          .send({ wants: cids.map((cid) => want(cid, false)) })
          .catch(() => cids.forEach((cid) => answers.settle(peer, cid, false)))
        return coming
      }
      return download(selection, batch, options, createWindow(batch, request))
    },
  }
}

const want = (cid: CID, haveOnly: boolean): Want => ({ cid, cancel: false, haveOnly, sendDontHave: true })

async function download(
  selection: Selection,
  batch: BlockBatch,
  { signal, maxBytes, onBytes }: Omit<FetchOptions, 'hints'>,
  window: Window,
): Promise<void> {
  let bytes = 0
  for await (const cid of blocksOf(selection, batch)) {
    signal.throwIfAborted()
    if (batch.has(cid)) {
      batch.touch(cid)
    } else {
      const block = await abortable(window.get(cid), signal)
      bytes += block.length
      if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', `The content has more than ${maxBytes} bytes.`)
      onBytes?.(block.length)
      await batch.put(cid, block)
    }
    if (selection.scope === 'all') window.ahead((await batch.links(cid)) ?? [])
  }
}
