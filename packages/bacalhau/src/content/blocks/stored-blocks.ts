import type { CID } from 'multiformats/cid'
import type { Logger } from '../../runtime/logger.ts'
import { DAG_PB, inlineData, matches, RAW } from '../cid.ts'
import type { BlockIndex, BlockPlace } from './block-index.ts'
import { type BlockSource, type HeadOf, linksOf, NO_HEAD, withHead } from './block-source.ts'
import type { Packs } from './packs.ts'

/** Reads of what is stored. A block that does not match its hash is forgotten, so that it can be fetched or added again. */
export function storedBlocks(index: BlockIndex, packs: Packs, logger: Logger): BlockSource {
  async function read(hash: Uint8Array, place: BlockPlace, head: Uint8Array): Promise<Uint8Array | undefined> {
    if (place.packed !== undefined) return packs.read(place.packed.pack, place.packed.offset, place.bytes, head)
    const block = index.data(hash)
    return block === undefined ? undefined : withHead(block, head)
  }

  async function get(cid: CID, headOf?: HeadOf): Promise<Uint8Array | undefined> {
    const hash = cid.multihash.bytes
    let place = index.find(hash)
    while (place !== undefined) {
      const head = headOf?.(place.bytes) ?? NO_HEAD
      const block = await read(hash, place, head)
      if (block !== undefined && matches(cid, block.subarray(head.length))) return block
      const now = index.find(hash)
      if (now?.packed?.pack === place.packed?.pack) {
        logger.warn({ cid: cid.toString() }, 'a stored block was damaged; it is dropped')
        index.remove(hash)
        return undefined
      }
      place = now // moved by garbage collection while we read
    }
    return undefined
  }

  return {
    has: (cid) => inlineData(cid) !== undefined || index.find(cid.multihash.bytes) !== undefined,
    get,
    async links(cid) {
      if (inlineData(cid) !== undefined) return linksOf(cid, cid.multihash.digest)
      const place = index.find(cid.multihash.bytes)
      if (place === undefined) return undefined
      if (cid.code === RAW || (cid.code === DAG_PB && place.leaf)) return []
      const block = await get(cid)
      return block === undefined ? undefined : linksOf(cid, block)
    },
  }
}
