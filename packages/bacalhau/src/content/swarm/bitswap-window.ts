import type { CID } from 'multiformats/cid'
import { BacalhauError } from '../../runtime/error.ts'
import type { BlockSource } from '../blocks/block-source.ts'
import { keyOf } from '../cid.ts'
import type { Answer } from './bitswap-answers.ts'

/** Blocks that are on their way or wait in memory for their turn, for one fetch. */
const WINDOW = 32

/** A fetch that is ahead of its reader. */
export interface Window {
  /** The block that is needed now. */
  get(cid: CID): Promise<Uint8Array>
  /** Blocks that are going to be needed next, in order. */
  ahead(cids: readonly CID[]): void
}

/** Keeps a bounded number of blocks requested ahead of need. */
export function createWindow(present: BlockSource, request: (cids: readonly CID[]) => Promise<Answer>[]): Window {
  const coming = new Map<string, Promise<Answer>>()
  /** Needed later, the next one last. */
  const later: CID[] = []

  function fill(now: readonly CID[]): void {
    const next = [...now]
    while (coming.size + next.length < WINDOW) {
      const cid = later.pop()
      if (cid === undefined) break
      if (!present.has(cid) && !coming.has(keyOf(cid)) && !next.some((other) => other.equals(cid))) next.push(cid)
    }
    const answers = next.length === 0 ? [] : request(next)
    for (const [index, answer] of answers.entries()) {
      const cid = next[index]
      if (cid !== undefined) coming.set(keyOf(cid), answer)
    }
  }

  return {
    async get(cid) {
      const key = keyOf(cid)
      if (!coming.has(key)) fill([cid])
      const answer = await coming.get(key)
      coming.delete(key)
      // Refills in steps, so that one message carries many wants.
      if (coming.size <= WINDOW / 2) fill([])
      if (answer instanceof Uint8Array) return answer
      throw new BacalhauError('ContentNotFound', `The peer did not send the block ${cid.toString()}.`)
    },
    ahead(cids) {
      later.push(...cids.toReversed())
      fill([])
    },
  }
}
