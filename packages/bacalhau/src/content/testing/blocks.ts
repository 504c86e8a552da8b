import type { CID } from 'multiformats/cid'
import type { BlockBatch } from '../blocks/block-batch.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import { cidOf, DAG_PB, RAW } from '../cid.ts'
import { encodeDirectory } from '../unixfs/unixfs.ts'

export interface TestBlock {
  readonly cid: CID
  readonly block: Uint8Array
}

/** A block without links. */
export function rawBlock(data: string | Uint8Array): TestBlock {
  const block = Buffer.from(data)
  return { cid: cidOf(1, RAW, block), block }
}

/** A block that links to others, in this order. */
export function nodeBlock(...children: readonly TestBlock[]): TestBlock {
  const links = children.map(({ cid, block }, index) => ({
    name: String(index).padStart(3, '0'),
    cid,
    treeSize: block.length,
  }))
  const block = encodeDirectory(links)
  return { cid: cidOf(1, DAG_PB, block), block }
}

/** Puts all of `blocks` into the batch. */
export async function putAll(batch: BlockBatch, blocks: readonly TestBlock[]): Promise<void> {
  for (const { cid, block } of blocks) await batch.put(cid, block)
}

/** Stores `blocks` in one batch and pins `pins`. */
export async function storeAll(store: BlockStore, blocks: readonly TestBlock[], ...pins: TestBlock[]): Promise<void> {
  const batch = store.begin()
  await putAll(batch, blocks)
  await batch.commit(pins.map(({ cid }) => cid))
}
