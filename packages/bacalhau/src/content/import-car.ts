import type { CID } from 'multiformats/cid'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { readCar } from './car.ts'
import { inlineData, keyOf } from './cid.ts'
import { blocksOf } from './selection.ts'

export interface ImportOptions {
  /** Bytes of all blocks; `LIMITS.contentBytes` if not given. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

/**
 * Puts the blocks of a CAR into `batch`; they may come in any order, but must be those of the tree below `root`, all of them
 * and no others (blocks that the store has already may be left out). Throws `ContentInvalid` or `ContentTooLarge`.
 */
export async function importCarTo(
  batch: BlockBatch,
  source: AsyncIterable<Uint8Array>,
  root: CID,
  { maxBytes = LIMITS.contentBytes, signal }: ImportOptions = {},
): Promise<void> {
  const strangers = new Set<string>()
  let bytes = 0
  for await (const { cid, block } of readCar(source)) {
    signal?.throwIfAborted()
    bytes += block.length
    if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', `The CAR has more than ${maxBytes} bytes.`)
    if (inlineData(cid) === undefined) strangers.add(keyOf(cid))
    await batch.put(cid, block)
  }
  for await (const cid of blocksOf({ cid: root, path: [], scope: 'all' }, batch)) {
    if (!batch.has(cid)) throw new BacalhauError('ContentInvalid', `The CAR lacks the block ${cid.toString()}.`)
    batch.touch(cid)
    strangers.delete(keyOf(cid))
  }
  if (strangers.size > 0) {
    throw new BacalhauError(
      'ContentInvalid',
      `The CAR has ${strangers.size} blocks that do not belong to ${root.toString()}.`,
    )
  }
}
